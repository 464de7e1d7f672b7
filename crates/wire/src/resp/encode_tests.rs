//! Both spellings of every reply.
