package dev.outboard.uio.net;

/**
 * The layouts by which Linux is told and asked of an interface.
 *
 * <pre>
 *   struct ifreq
 *   0                 16       18        24                    40
 *   +-----------------+--------+---------+---------------------+
 *   | name, ended by 0| family | address |                     |
 *   |                 +--------+---------+                     |
 *   |                 | flags, index, MTU, pointer             |
 *   +-----------------+----------------------------------------+
 * </pre>
 *
 * <p>Numbers of if_tun.h, if.h and sockios.h; the same for every processor that Linux runs this on.
 */
final class InterfaceDescriptor {
    static final int REQUEST_BYTES = 40;
    static final int NAME_BYTES = 16;
    static final int VALUE_OFFSET = 16;
    static final int ADDRESS_OFFSET = 18;
    static final int ADDRESS_BYTES = 6;

    /** {@code ARPHRD_ETHER}: the family of an Ethernet address. */
    static final short ETHERNET = 1;

    static final int GET_FLAGS = 0x8913;
    static final int SET_FLAGS = 0x8914;
    static final int GET_MTU = 0x8921;
    static final int SET_MTU = 0x8922;
    static final int SET_ADDRESS = 0x8924;
    static final int GET_ADDRESS = 0x8927;
    static final int GET_INDEX = 0x8933;

    /** {@code IFF_UP}. */
    static final int FLAG_UP = 1;

    static final int TUN_SET_INTERFACE = 0x4004_54ca;
    static final int TUN_SET_PERSIST = 0x4004_54cb;
    static final int TUN_SET_OFFLOAD = 0x4004_54d0;
    static final int TUN_SET_HEADER_BYTES = 0x4004_54d8;
    static final int TUN_SET_LITTLE_ENDIAN = 0x4004_54dc;
    static final int TUN_SET_CARRIER = 0x4004_54e2;

    /** {@code IFF_TAP}: whole Ethernet frames. */
    static final int TAP = 0x0002;

    /** {@code IFF_MULTI_QUEUE}. */
    static final int MULTIPLE_QUEUES = 0x0100;

    /** {@code IFF_NO_PI}: nothing of tun's own before a frame. */
    static final int NO_PROTOCOL = 0x1000;

    /** {@code IFF_VNET_HDR}: a virtio header before each frame. */
    static final int VIRTIO_HEADER = 0x4000;

    private InterfaceDescriptor() {}
}
