//! One suite for every disk: what the format code relies on, run on the model and on the real thing.

use super::{Disk, MemDisk, RealDisk, is_refused};
use crate::scratch::Scratch;
use std::io::ErrorKind;
use std::path::Path;

fn conforms(disk: &dyn Disk, root: &Path) {
    let dir = root.join("a/b");
    assert_eq!(disk.list(&dir).unwrap_err().kind(), ErrorKind::NotFound);
    disk.create_dir_all(&dir).unwrap();
    disk.create_dir_all(&dir).unwrap();
    assert!(disk.list(&dir).unwrap().is_empty());

    let path = dir.join("one");
    assert_eq!(disk.open(&path).err().unwrap().kind(), ErrorKind::NotFound);
    let file = disk.create(&path).unwrap();
    assert_eq!(file.size().unwrap(), 0);
    file.write_all_at(b"world", 6).unwrap();
    file.write_all_at(b"hello ", 0).unwrap();
    assert_eq!(file.size().unwrap(), 11);
    file.sync_data().unwrap();
    disk.sync_dir(&dir).unwrap();

    let mut buf = [0; 11];
    disk.open(&path).unwrap().read_exact_at(&mut buf, 0).unwrap();
    assert_eq!(&buf, b"hello world");
    let cut = file.read_exact_at(&mut buf, 1).unwrap_err();
    assert_eq!(cut.kind(), ErrorKind::UnexpectedEof);

    file.set_size(5).unwrap();
    file.set_size(8).unwrap();
    file.read_exact_at(&mut buf[..8], 0).unwrap();
    assert_eq!(&buf[..8], b"hello\0\0\0");

    if file.reserve(20).unwrap() {
        assert_eq!(file.size().unwrap(), 20);
        file.read_exact_at(&mut buf, 3).unwrap();
        assert_eq!(&buf, b"lo\0\0\0\0\0\0\0\0\0");
        assert!(file.reserve(9).unwrap());
    }
    file.set_size(8).unwrap();

    file.set_size(1024).unwrap();
    file.sync_data().unwrap();
    if let Some(mut direct) = disk.open_direct(&path).unwrap() {
        match direct.write_durably_at(&[7; 512], 512) {
            Ok(()) => {
                let mut both = [0; 4];
                file.read_exact_at(&mut both, 510).unwrap();
                assert_eq!(both, [0, 0, 7, 7]);
            }
            Err(error) => assert!(is_refused(&error), "{error}"),
        }
    }
    file.set_size(8).unwrap();

    disk.create(&dir.join("two")).unwrap();
    disk.rename(&path, &dir.join("two")).unwrap();
    assert_eq!(disk.list(&dir).unwrap(), ["two"]);
    assert_eq!(disk.open(&dir.join("two")).unwrap().size().unwrap(), 8);
    assert_eq!(disk.create(&dir.join("two")).unwrap().size().unwrap(), 0);
    disk.remove(&dir.join("two")).unwrap();
    assert_eq!(disk.remove(&dir.join("two")).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(disk.list(&dir).unwrap().is_empty());
    disk.sync_dir(&dir).unwrap();
}

#[test]
fn the_model_conforms() {
    conforms(&MemDisk::new(), Path::new("/data"));
}

#[test]
fn a_direct_write_is_durable_and_nothing_else_is() {
    let disk = MemDisk::new();
    let (dir, path) = (Path::new("/data"), Path::new("/data/one"));
    disk.create_dir_all(dir).unwrap();
    let file = disk.create(path).unwrap();
    file.set_size(2048).unwrap();
    file.sync_data().unwrap();
    disk.sync_dir(dir).unwrap();
    file.write_all_at(&[1; 2048], 0).unwrap();
    disk.open_direct(path).unwrap().unwrap().write_durably_at(&[2; 512], 512).unwrap();
    disk.crash_with(&mut |_| false);
    let bytes = disk.contents(path).unwrap();
    let sectors: Vec<u8> = bytes.chunks(512).map(|sector| sector[0]).collect();
    assert_eq!(sectors, [0, 2, 0, 0]);
}

#[test]
fn the_real_disk_conforms() {
    let scratch = Scratch::new();
    conforms(&RealDisk, scratch.path());
}
