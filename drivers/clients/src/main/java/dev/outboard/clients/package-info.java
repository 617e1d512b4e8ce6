/**
 * An Internet host that fits a page or two, for who wants to know that an interface works: it
 * answers ARP and pings, pings others, and fetches files.
 *
 * <pre>
 *   NetPing, NetFetch ──► InternetHost ──► TransmitQueue
 *          ▲                  │ ▲
 *          └── PacketListener ┘ └──────── ReceiveQueue
 * </pre>
 *
 * <p>A frame is copied, then checked: what is too short, too long, in pieces, for somebody else or
 * with a wrong sum is dropped and counted, and reaches nobody. One thread.
 */
package dev.outboard.clients;
