//! Tells public addresses from internal ones.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A block of addresses that no request of a tenant may reach.
struct Block<A> {
    first: A,
    /// Leading bits that all addresses of the block share.
    prefix: u32,
    network: &'static str,
}

const fn v4(first: [u8; 4], prefix: u32, network: &'static str) -> Block<Ipv4Addr> {
    let [a, b, c, d] = first;
    Block { first: Ipv4Addr::new(a, b, c, d), prefix, network }
}

const fn v6(first: [u16; 3], prefix: u32, network: &'static str) -> Block<Ipv6Addr> {
    let [a, b, c] = first;
    Block { first: Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix, network }
}

/// IANA's special-purpose registry, multicast and class E, and the address at which Azure serves its machines.
const INTERNAL_V4: &[Block<Ipv4Addr>] = &[
    v4([0, 0, 0, 0], 8, "this network"),
    v4([10, 0, 0, 0], 8, "private"),
    v4([100, 64, 0, 0], 10, "shared"),
    v4([127, 0, 0, 0], 8, "loopback"),
    v4([168, 63, 129, 16], 32, "cloud platform"),
    v4([169, 254, 0, 0], 16, "link-local"),
    v4([172, 16, 0, 0], 12, "private"),
    v4([192, 0, 0, 0], 24, "protocol assignments"),
    v4([192, 0, 2, 0], 24, "documentation"),
    v4([192, 88, 99, 0], 24, "6to4 relays"),
    v4([192, 168, 0, 0], 16, "private"),
    v4([198, 18, 0, 0], 15, "benchmarking"),
    v4([198, 51, 100, 0], 24, "documentation"),
    v4([203, 0, 113, 0], 24, "documentation"),
    v4([224, 0, 0, 0], 4, "multicast"),
    v4([240, 0, 0, 0], 4, "reserved"),
];

/// What is special within `2000::/3`; all that lies outside of it is refused anyway.
const INTERNAL_V6: &[Block<Ipv6Addr>] = &[
    v6([0x2001, 0, 0], 23, "protocol assignments"),
    v6([0x2001, 0x0db8, 0], 32, "documentation"),
    v6([0x2002, 0, 0], 16, "6to4"),
    v6([0x3fff, 0, 0], 20, "documentation"),
];

const GLOBAL_UNICAST: Block<Ipv6Addr> = v6([0x2000, 0, 0], 3, "global unicast");

/// Names the internal network that an address belongs to; `None` is a public address.
///
/// An IPv4 address that is wrapped in IPv6 (`::ffff:0:0/96`, and `64:ff9b::/96` of NAT64) is judged by what is inside.
pub(super) fn internal_network(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => internal_v4(address),
        IpAddr::V6(address) => match unwrapped(address) {
            Some(inner) => internal_v4(inner),
            None => internal_v6(address),
        },
    }
}

fn internal_v4(address: Ipv4Addr) -> Option<&'static str> {
    INTERNAL_V4
        .iter()
        .find(|block| (address.to_bits() ^ block.first.to_bits()).leading_zeros() >= block.prefix)
        .map(|block| block.network)
}

fn internal_v6(address: Ipv6Addr) -> Option<&'static str> {
    if !in_v6(address, &GLOBAL_UNICAST) {
        return Some("not global unicast");
    }
    INTERNAL_V6.iter().find(|block| in_v6(address, block)).map(|block| block.network)
}

fn in_v6(address: Ipv6Addr, block: &Block<Ipv6Addr>) -> bool {
    (address.to_bits() ^ block.first.to_bits()).leading_zeros() >= block.prefix
}

fn unwrapped(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [prefix @ .., high, low] = address.segments();
    let is_mapped = prefix == [0, 0, 0, 0, 0, 0xffff];
    let is_nat64 = prefix == [0x64, 0xff9b, 0, 0, 0, 0];
    (is_mapped || is_nat64).then(|| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn public_addresses_are_public() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700:4700::1111",
            "2a00:1450:4001:80b::200e",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
        ] {
            assert_eq!(internal_network(text.parse().unwrap()), None, "{text}");
        }
    }

    #[test]
    fn each_block_is_internal_from_its_first_address_to_its_last() {
        for block in INTERNAL_V4 {
            let first = block.first.to_bits();
            let last = first | u32::MAX.checked_shr(block.prefix).unwrap_or(0);
            for bits in [first, last] {
                assert_eq!(internal_v4(Ipv4Addr::from_bits(bits)), Some(block.network));
            }
        }
        for block in INTERNAL_V6 {
            let first = block.first.to_bits();
            for bits in [first, first | u128::MAX >> block.prefix] {
                assert_eq!(internal_v6(Ipv6Addr::from_bits(bits)), Some(block.network));
            }
        }
    }

    proptest! {
        #[test]
        fn wrapping_an_address_does_not_change_the_verdict(bits: u32) {
            let plain = Ipv4Addr::from_bits(bits);
            let verdict = internal_network(plain.into());
            let nat64 = Ipv6Addr::from_bits(0x64_ff9b << 96 | u128::from(bits));
            prop_assert_eq!(internal_network(plain.to_ipv6_mapped().into()), verdict);
            prop_assert_eq!(internal_network(nat64.into()), verdict);
        }

        #[test]
        fn nothing_outside_of_global_unicast_is_public_unless_it_wraps_a_public_address(bits: u128) {
            let address = Ipv6Addr::from_bits(bits);
            if bits >> 125 != 1 && unwrapped(address).is_none() {
                prop_assert!(internal_network(address.into()).is_some());
            }
        }
    }
}
