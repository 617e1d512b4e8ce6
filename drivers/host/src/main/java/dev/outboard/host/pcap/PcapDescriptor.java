package dev.outboard.host.pcap;

/**
 * The layout of a capture file, little-endian, with times in nanoseconds.
 *
 * <pre>
 *   file     0 magic u32, 4 major u16, 6 minor u16, 8 zone i32, 12 accuracy u32, 16 snap length
 *            u32, 20 link type u32
 *   record   0 seconds u32, 4 nanoseconds u32, 8 captured bytes u32, 12 bytes of the frame u32,
 *            16 the frame
 * </pre>
 *
 * <p>Source: draft-ietf-opsawg-pcap; link types: tcpdump.org/linktypes.html.
 */
final class PcapDescriptor {
    static final int MAGIC_NANOS = 0xa1b2_3c4d;
    static final short MAJOR = 2;
    static final short MINOR = 4;
    static final int LINK_ETHERNET = 1;
    static final int FILE_BYTES = 24;
    static final int RECORD_BYTES = 16;
    static final int RECORD_CAPTURED = 8;

    private PcapDescriptor() {}
}
