/**
 * Netty channels over a network driver: UDP over IPv4 and IPv6, with what a host needs beside it,
 * ARP, neighbour discovery and the answer to a ping. A Netty program changes the line that names
 * its event loops and its channel.
 *
 * <pre>
 *   pipeline ── DatagramPacket ──► DriverDatagramChannel ──► FrameOutput ── post ──► TransmitQueue
 *      ▲                                   ▲                     ▲                       │
 *      │                                   │              EchoResponder                  ▼
 *      │                                   │              NeighbourProtocol            device
 *      └─────── DatagramPacket ─── DatagramDelivery ◄── FrameInput ◄── keep ◄── ReceiveQueue
 * </pre>
 *
 * <p>An event loop owns one pair of queues ({@link dev.outboard.netty.DriverEventLoopGroup}). What
 * a program allocates from its channel's allocator is DMA memory, and goes to the device without a
 * copy; what comes is read where the device wrote it. What the handlers of a batch write is handed
 * over by one request to the mapping service and one doorbell. The objects of a datagram are those
 * that Netty's interface asks for: its {@code DatagramPacket}, and a promise for each write.
 *
 * <p>Not here: fragments, which are refused both ways; routers' and groups' protocols (a group is
 * joined for this interface alone, and no router is told); detection of duplicate addresses.
 */
package dev.outboard.netty;
