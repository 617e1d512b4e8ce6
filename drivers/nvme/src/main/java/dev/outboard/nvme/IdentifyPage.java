package dev.outboard.nvme;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/** A copy of a page that a controller wrote: it cannot change any more while it is checked. */
record IdentifyPage(MemorySegment bytes) {
    static IdentifyPage copyOf(MemorySegment page) {
        return new IdentifyPage(MemorySegment.ofArray(page.toArray(ValueLayout.JAVA_BYTE)));
    }

    int u8(int offset) {
        return Byte.toUnsignedInt(bytes.get(ValueLayout.JAVA_BYTE, offset));
    }

    int u16(int offset) {
        return Short.toUnsignedInt(bytes.get(NvmeDescriptor.U16.withByteAlignment(1), offset));
    }

    int u32(int offset) {
        return bytes.get(NvmeDescriptor.U32.withByteAlignment(1), offset);
    }

    long u64(int offset) {
        return bytes.get(NvmeDescriptor.U64.withByteAlignment(1), offset);
    }

    /** Printable, whatever the device wrote. */
    String text(int offset, int length) {
        byte[] characters = bytes.asSlice(offset, length).toArray(ValueLayout.JAVA_BYTE);
        return new String(characters, StandardCharsets.US_ASCII).replaceAll("[^ -~]", "?").strip();
    }
}
