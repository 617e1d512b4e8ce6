package dev.outboard.nvme;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/**
 * What a controller says of itself, as far as this driver asks.
 *
 * @param maximumTransferBytes the longest transfer of a command; {@link Integer#MAX_VALUE} if it
 *     has no limit
 * @param namespaces the highest number of one
 */
record ControllerIdentity(
        String model,
        String serial,
        int maximumTransferBytes,
        int namespaces,
        boolean hasWriteCache,
        boolean canWriteZeroes,
        boolean takesSgl) {
    private static final int MOST_TRANSFER_SHIFT = 18;

    static ControllerIdentity of(MemorySegment page) {
        int shift = Byte.toUnsignedInt(page.get(ValueLayout.JAVA_BYTE, 77));
        int known = page.get(NvmeDescriptor.U16.withByteAlignment(1), 520);
        int sgl = page.get(NvmeDescriptor.U32.withByteAlignment(1), 536);
        return new ControllerIdentity(
                text(page, 24, 40),
                text(page, 4, 20),
                shift == 0 || shift > MOST_TRANSFER_SHIFT
                        ? Integer.MAX_VALUE
                        : NvmeDescriptor.PAGE_BYTES << shift,
                page.get(NvmeDescriptor.U32.withByteAlignment(1), 516),
                (page.get(ValueLayout.JAVA_BYTE, 525) & 1) != 0,
                (known & 1 << 3) != 0,
                (sgl & 3) == 1 || (sgl & 3) == 2);
    }

    /** Printable, whatever the device wrote. */
    private static String text(MemorySegment page, int offset, int length) {
        byte[] bytes = page.asSlice(offset, length).toArray(ValueLayout.JAVA_BYTE);
        return new String(bytes, StandardCharsets.US_ASCII).replaceAll("[^ -~]", "?").strip();
    }
}
