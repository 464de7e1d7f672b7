//! A TUN interface: the kernel's end is a network interface, ours is a file of packets.

use std::fs::File;

use anyhow::{Context, Result};
use rustix::ioctl::{Opcode, Setter, ioctl, opcode};

/// From linux/if_tun.h.
const TUNSETIFF: Opcode = opcode::write::<i32>(b'T', 202);
/// Packets with an IP header first, and nothing in front of it.
const IFF_TUN_NO_PI: u16 = 0x0001 | 0x1000;
/// Names of interfaces end with a zero.
const NAME_LEN_MAX: usize = 15;

/// `struct ifreq`, as far as this request reads it.
#[repr(C)]
struct InterfaceRequest {
    name: [u8; NAME_LEN_MAX + 1],
    flags: u16,
    rest: [u8; 22],
}

/// Makes an interface in the namespace of the calling thread. It is there as long as the file is open.
pub fn open(name: &str) -> Result<File> {
    let path = "/dev/net/tun";
    let file =
        File::options().read(true).write(true).open(path).with_context(|| {
            format!("cannot open {path}; the router between the nodes needs it")
        })?;
    let mut request =
        InterfaceRequest { name: [0; NAME_LEN_MAX + 1], flags: IFF_TUN_NO_PI, rest: [0; 22] };
    let name = &name.as_bytes()[..name.len().min(NAME_LEN_MAX)];
    request.name[..name.len()].copy_from_slice(name);
    attach(&file, request).context("the kernel gives no TUN interface")?;
    Ok(file)
}

#[allow(unsafe_code)] // the only way to name a TUN interface is an ioctl, and nobody wraps this one
fn attach(file: &File, request: InterfaceRequest) -> rustix::io::Result<()> {
    // SAFETY: TUNSETIFF reads a `struct ifreq` of 40 bytes, which InterfaceRequest is in size and layout.
    unsafe { ioctl(file, Setter::<TUNSETIFF, InterfaceRequest>::new(request)) }
}
