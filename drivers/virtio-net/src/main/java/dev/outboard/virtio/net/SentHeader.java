package dev.outboard.virtio.net;

import dev.outboard.driver.net.FrameOffload;
import dev.outboard.virtio.NetDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The header before a frame to send (VIRTIO 1.2, section 5.1.6.2); all zero asks for nothing.
 * Stateless; allocates nothing.
 */
final class SentHeader {
    private static final ValueLayout.OfLong LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private SentHeader() {}

    static void write(MemorySegment memory, long at, long offload) {
        long first = 0;
        if (offload != FrameOffload.NONE) {
            first =
                    NetDescriptor.FLAG_NEEDS_CSUM
                            | (long) kind(offload) << 8
                            | (long) FrameOffload.headersBytes(offload) << 16
                            | (long) FrameOffload.mssBytes(offload) << 32
                            | (long) FrameOffload.startBytes(offload) << 48;
        }
        memory.set(LONG, at, first);
        memory.set(INT, at + Long.BYTES, FrameOffload.offsetBytes(offload));
    }

    private static int kind(long offload) {
        if (FrameOffload.mssBytes(offload) == 0) {
            return NetDescriptor.GSO_NONE;
        }
        return FrameOffload.isIpv6(offload) ? NetDescriptor.GSO_TCPV6 : NetDescriptor.GSO_TCPV4;
    }
}
