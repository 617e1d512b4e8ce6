package dev.outboard.uio.net;

/**
 * The layouts that a program shares with AF_XDP and with {@code bpf(2)}: if_xdp.h and bpf.h of
 * Linux.
 *
 * <pre>
 *   struct xdp_umem_reg   address 8 | length 8 | chunk 4 | headroom 4
 *   struct sockaddr_xdp   family 2 | flags 2 | interface 4 | queue 4 | shared socket 4
 *   struct xdp_desc       offset 8 | length 4 | options 4        one entry of receive and send
 *   u64                   offset 8                               one entry of fill and completion
 *
 *   where a ring's parts are, in its mapping: struct xdp_ring_offset, for receive, send, fill and
 *   completion, one after the other
 *   0          8          16            24       32
 *   +----------+----------+-------------+--------+
 *   | producer | consumer | descriptors | flags  |
 *   +----------+----------+-------------+--------+
 * </pre>
 */
final class XdpDescriptor {
    static final int FAMILY = 44;

    /** {@code SOL_XDP}. */
    static final int LEVEL = 283;

    static final int OPTION_OFFSETS = 1;
    static final int OPTION_RECEIVE_RING = 2;
    static final int OPTION_SEND_RING = 3;
    static final int OPTION_MEMORY = 4;
    static final int OPTION_FILL_RING = 5;
    static final int OPTION_COMPLETION_RING = 6;
    static final int OPTION_STATISTICS = 7;
    static final int OPTION_OPTIONS = 8;

    /** In what {@link #OPTION_OPTIONS} answers. */
    static final int IS_ZERO_COPY = 1;

    static final int MEMORY_BYTES = 24;
    static final int ADDRESS_BYTES = 16;
    static final int OFFSETS_BYTES = 128;
    static final int STATISTICS_BYTES = 48;

    static final int RING_OFFSETS_BYTES = 32;
    static final int PRODUCER = 0;
    static final int CONSUMER = 8;
    static final int ENTRIES = 16;
    static final int FLAGS = 24;

    static final int FRAME_ENTRY_BYTES = 16;
    static final int FRAME_LENGTH_OFFSET = 8;
    static final int CHUNK_ENTRY_BYTES = 8;

    static final long RECEIVE_PAGES = 0;
    static final long SEND_PAGES = 0x8000_0000L;
    static final long FILL_PAGES = 0x1_0000_0000L;
    static final long COMPLETION_PAGES = 0x1_8000_0000L;

    static final int BIND_COPY = 1 << 1;
    static final int BIND_ZERO_COPY = 1 << 2;
    static final int BIND_NEED_WAKEUP = 1 << 3;

    /** In a ring's flags: the kernel sleeps, and is to be kicked. */
    static final int NEEDS_WAKEUP = 1;

    static final int BPF_MAP_CREATE = 0;
    static final int BPF_MAP_UPDATE = 2;
    static final int BPF_PROGRAM_LOAD = 5;
    static final int BPF_LINK_CREATE = 28;
    static final int BPF_ATTRIBUTES_BYTES = 128;

    static final int MAP_OF_SOCKETS = 17;
    static final int PROGRAM_XDP = 6;
    static final int ATTACH_XDP = 37;

    /** {@code XDP_FLAGS_SKB_MODE}: after the kernel has made a packet of it. */
    static final int MODE_GENERIC = 1 << 1;

    /** {@code XDP_FLAGS_DRV_MODE}: in the interface's driver. */
    static final int MODE_NATIVE = 1 << 2;

    private XdpDescriptor() {}
}
