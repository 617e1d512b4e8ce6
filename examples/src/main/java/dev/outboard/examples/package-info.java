/**
 * Programs that fit on a page: what a newcomer copies.
 *
 * <pre>
 *   outboard device nic --port a.sock --port b.sock
 *   outboard run virtio-net --device vhost-user:b.sock --client count-frames
 *   outboard run virtio-net --device vhost-user:a.sock --client send-frames -o count=1000
 *
 *   outboard run virtio-net --device vhost-user:b.sock --client keep-frames -o file=b.pcap
 *
 *   outboard device disk --socket d.sock --file disk.raw
 *   outboard run virtio-blk --device vhost-user:d.sock --client dump-sectors -o sectors=2
 * </pre>
 *
 * <p>A client never sees an address: it is handed memory, and the driver maps it for its device.
 */
package dev.outboard.examples;
