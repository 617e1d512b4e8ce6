package dev.outboard.perf.stream;

import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The layout of a stream's frame, big-endian. Offsets are from the start of the frame.
 *
 * <pre>
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +---------------------------------------------------------------+
 * 0 |                         destination                           |
 *   |                               +-------------------------------+
 * 4 |                               |            source             |
 *   +-------------------------------+                               |
 * 8 |                                                               |
 *   +-------------------------------+---------------+---------------+
 * 12|     EtherType = 0x88B5        |     kind      |  version = 1  |
 *   +-------------------------------+---------------+---------------+
 * 16|            stream             |           fragment            |
 *   +-------------------------------+-------------------------------+
 * 20|               offset of the fragment in the message           |
 *   +---------------------------------------------------------------+
 * 24|                       length of the message                   |
 *   +---------------------------------------------------------------+
 * 28|                 length of the pattern in this frame           |
 *   +---------------------------------------------------------------+
 * 32|                       message, 64 bits                        |
 *   +---------------------------------------------------------------+
 * 40|            pattern, or the 64-bit values of a control frame   …
 * </pre>
 */
final class StreamDescriptor {
    static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    static final ValueLayout.OfInt INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    static final ValueLayout.OfLong LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    static final int ADDRESS_BYTES = 6;
    static final int ETHERNET_BYTES = 14;

    static final int DESTINATION = 0;
    static final int SOURCE = DESTINATION + ADDRESS_BYTES;
    static final int ETHER_TYPE = SOURCE + ADDRESS_BYTES;
    static final int KIND = ETHER_TYPE + Short.BYTES;
    static final int VERSION = KIND + Byte.BYTES;
    static final int STREAM = VERSION + Byte.BYTES;
    static final int FRAGMENT = STREAM + Short.BYTES;
    static final int OFFSET = FRAGMENT + Short.BYTES;
    static final int MESSAGE_BYTES = OFFSET + Integer.BYTES;
    static final int PATTERN_BYTES = MESSAGE_BYTES + Integer.BYTES;
    static final int MESSAGE = PATTERN_BYTES + Integer.BYTES;
    static final int PATTERN = MESSAGE + Long.BYTES;

    /** The part of a frame's Ethernet payload that is header. */
    static final int HEADER_BYTES = PATTERN - ETHERNET_BYTES;

    /** The values that a control frame carries. */
    static final int VALUES = 8;

    static final int CONTROL_BYTES = PATTERN + VALUES * Long.BYTES;

    /** IEEE 802's first EtherType for local experiments. */
    static final short ETHER_TYPE_LOCAL = (short) 0x88B5;

    static final byte VERSION_1 = 1;

    private StreamDescriptor() {}
}
