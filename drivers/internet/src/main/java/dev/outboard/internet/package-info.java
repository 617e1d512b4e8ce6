/**
 * What everybody here needs who speaks the Internet's protocols over frames: layouts and sums.
 *
 * <pre>
 *   PacketDescriptor   where the fields of Ethernet, ARP, IPv4, IPv6, ICMP and UDP are
 *   InternetSum        RFC 1071, over heap buffers and over DMA memory
 *   Ipv4               addresses as people write them
 * </pre>
 *
 * <p>No state and no wire: who uses it checks what came, on a copy or by reading each field once.
 */
package dev.outboard.internet;
