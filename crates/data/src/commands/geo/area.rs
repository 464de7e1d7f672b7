//! What is searched: a circle or a rectangle around a place, and the cells of the world that cover it.

use super::earth::{self, Place};
use super::geohash::{Cell, Edges, STEPS};
use super::trigonometry::cos;

/// The half of the world's circumference as maps have it, in metres.
const MERCATOR_MAX: f64 = 20_037_726.37;

/// How far around the place, in metres.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Circle { radius: f64 },
    Box { width: f64, height: f64 },
}

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    pub centre: Place,
    pub shape: Shape,
}

impl Area {
    /// How far a place is from the centre, in metres; `None` when it is outside.
    pub(super) fn distance_of(&self, place: Place) -> Option<f64> {
        match self.shape {
            Shape::Circle { radius } => {
                let distance = earth::distance(self.centre, place);
                (distance <= radius).then_some(distance)
            }
            Shape::Box { width, height } => {
                let along = earth::latitude_distance(place.latitude, self.centre.latitude);
                let level = Place { latitude: place.latitude, ..self.centre };
                let inside = along <= height / 2.0 && earth::distance(place, level) <= width / 2.0;
                inside.then(|| earth::distance(self.centre, place))
            }
        }
    }

    /// The cells to look into, in Redis's order: the middle, then its eight neighbours as far as the area reaches them.
    pub(super) fn cells(&self) -> Vec<Cell> {
        let radius = match self.shape {
            Shape::Circle { radius } => radius,
            Shape::Box { width, height } => {
                ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt()
            }
        };
        let mut steps = steps_for(radius, self.centre.latitude);
        let mut middle = Cell::of(self.centre, steps);
        if steps > 1 && !self.bounds().are_within_neighbours(middle) {
            steps -= 1;
            middle = Cell::of(self.centre, steps);
        }
        let [west, east, south, north] =
            if steps >= 2 { self.bounds().beyond(middle.edges()) } else { [true; 4] };
        let around = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];
        let wanted = |(x, y): &(i32, i32)| {
            (*x != -1 || west) && (*x != 1 || east) && (*y != -1 || south) && (*y != 1 || north)
        };
        let cells = around.iter().filter(|at| wanted(at)).map(|(x, y)| middle.neighbour(*x, *y));
        let mut cells: Vec<Cell> = cells.collect();
        // In a large search neighbours coincide.
        cells.dedup();
        cells
    }

    /// The rectangle around it, in degrees.
    fn bounds(&self) -> Bounds {
        let (width, height) = match self.shape {
            Shape::Circle { radius } => (radius, radius),
            Shape::Box { width, height } => (width / 2.0, height / 2.0),
        };
        let Place { longitude, latitude } = self.centre;
        let up = earth::degrees(height / earth::RADIUS);
        // Meridians meet at the poles: the edge nearer to one is the wider.
        let widest = if latitude < 0.0 { latitude - up } else { latitude + up };
        let across = earth::degrees(width / earth::RADIUS / cos(earth::radians(widest)));
        Bounds(Edges {
            west: longitude - across,
            east: longitude + across,
            south: latitude - up,
            north: latitude + up,
        })
    }
}

/// The rectangle around an area.
struct Bounds(Edges);

impl Bounds {
    /// Whether the cells around the middle one reach to all of its sides.
    fn are_within_neighbours(&self, middle: Cell) -> bool {
        middle.neighbour(0, 1).edges().north >= self.0.north
            && middle.neighbour(0, -1).edges().south <= self.0.south
            && middle.neighbour(1, 0).edges().east >= self.0.east
            && middle.neighbour(-1, 0).edges().west <= self.0.west
    }

    /// Whether it goes beyond the west, east, south and north edge of a cell.
    fn beyond(&self, cell: Edges) -> [bool; 4] {
        [
            cell.west >= self.0.west,
            cell.east <= self.0.east,
            cell.south >= self.0.south,
            cell.north <= self.0.north,
        ]
    }
}

/// How small cells may be so that nine of them cover the radius.
fn steps_for(mut radius: f64, latitude: f64) -> u32 {
    if radius == 0.0 {
        return STEPS;
    }
    let mut steps = 1i32;
    while radius < MERCATOR_MAX {
        radius *= 2.0;
        steps += 1;
    }
    steps -= 2;
    // Towards the poles cells are narrower.
    steps -= i32::from(latitude.abs() > 66.0) + i32::from(latitude.abs() > 80.0);
    steps.clamp(1, STEPS as i32) as u32
}
