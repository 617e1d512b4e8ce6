package dev.outboard.nvme;

import dev.outboard.driver.DeviceException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A namespace as the controller describes it, checked.
 *
 * @param id its number, from 1
 * @param blocks its size
 * @param blockShift the power of two of its blocks' bytes
 */
record Namespace(int id, long blocks, int blockShift) {
    private static final int LEAST_SHIFT = 9;
    private static final int MOST_SHIFT = 16;

    /**
     * @throws DeviceException if it is one that this driver cannot use: with metadata, or with
     *     blocks of a strange size
     */
    static Namespace of(String device, int id, MemorySegment page) {
        long blocks = page.get(NvmeDescriptor.U64.withByteAlignment(1), 0);
        int format = page.get(ValueLayout.JAVA_BYTE, 26) & 0xf;
        int layout = page.get(NvmeDescriptor.U32.withByteAlignment(1), 128 + 4 * format);
        int metadata = layout & 0xffff;
        int shift = layout >>> 16 & 0xff;
        if (shift < LEAST_SHIFT || shift > MOST_SHIFT || metadata != 0) {
            throw new DeviceException(
                    "namespace %d of device %s has blocks of 2^%d bytes with %d of metadata"
                            .formatted(id, device, shift, metadata));
        }
        if (blocks <= 0 || blocks > Long.MAX_VALUE >>> shift) {
            throw new DeviceException(
                    "namespace %d of device %s claims %s blocks"
                            .formatted(id, device, Long.toUnsignedString(blocks)));
        }
        return new Namespace(id, blocks, shift);
    }

    long capacityBytes() {
        return blocks << blockShift;
    }
}
