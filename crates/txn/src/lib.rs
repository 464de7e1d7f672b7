//! Transactions over several partitions: two-phase commit over replicated participants.
//!
//! ```text
//!   origin                      home: the first partition        the other partitions
//!     |-- Fetch ----------------------->|-------------------------------->|   locks of the leaders, images, versions
//!     |   (the commands run on the images)                                |
//!     |-- Prepare ------------------------------------------------------->|   versions are compared, the intent is kept
//!     |-- Decide ---------------------->|   versions are compared, the decision is kept and the writes are done
//!     |   (the client is answered)      |                                 |
//!     |-- Finish ------------------------------------------------------->|   the intent becomes writes, or nothing
//!     |-- Forget ---------------------->|                                 |
//! ```
//!
//! Prepare, Decide, Finish, Forget and Resolve are operations in the logs of the partitions ([`Step`]). What a partition
//! has to remember of them is [`Records`], part of its keyspace. The one who leads a transaction through its steps is the
//! [`Coordinator`], on the node where the client is; it keeps nothing that anybody needs when it is gone.
//!
//! Only home's log decides. A Decide that finds the versions as they were read makes the transaction committed; whoever meets
//! an intent and hears nothing asks home with Resolve, which makes the transaction aborted if it is not committed by
//! then, and keeps that until no Decide can come any more. So there is one decision, whoever asks and in which order.
//!
//! A *parallel commit* takes one round less: home keeps its part with Stage, together with the names of the others, at the
//! same time as they keep theirs with Prepare.
//!
//! ```text
//!   origin                      home                             the other partitions
//!     |-- Stage, Prepare -------------->|-------------------------------->|   the intents are kept
//!     |   (all have: it is committed, and the client is answered)         |
//!     |-- Conclude -------------------->|                                 |   the decision is recorded, home's part written
//!     |-- Finish, Forget -------------->|-------------------------------->|   as above
//! ```
//!
//! It is committed when all of them are kept. Home's leader, if it hears nothing of what it staged, asks the others with
//! Inquire, which makes sure that what is not kept never will be, and concludes.
//!
//! [`textbook`] has two-phase and three-phase commit without replication, to compare.

mod asked;
mod coordinator;
mod fields;
mod id;
mod records;
mod step;
pub mod textbook;

pub use asked::{Action, Answer, Ask, Fetched, Outcome, Part, Ran};
pub use coordinator::Coordinator;
pub use fields::{Rests, Source, Tokens};
pub use id::TxnId;
pub use records::{Intent, Records, Resolved};
pub use step::{Detail, Locking, Step};
