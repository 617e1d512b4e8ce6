package dev.outboard.models.nvme;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.outboard.models.shape.NvmeShape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** What the controller and its namespaces say of themselves (NVM Express 1.4, section 5.15.2). */
final class Identity {
    static final int VENDOR = 0x1b36;
    static final int DEVICE = 0x0010;

    private static final int QUALIFIED_NAME = 768;
    private static final int MOST_NAME_BYTES = 223;
    private static final int SERIAL_BYTES = 20;
    private static final int MODEL_BYTES = 40;
    private static final int FIRMWARE_BYTES = 8;
    private static final int ABORT_LIMIT = 3;
    private static final int OPTIONAL_ADMIN_DOORBELLS = 1 << 8;
    private static final int OPTIONAL_IO = 1 << 2 | 1 << 3;
    private static final int SGL_ANY_ALIGNMENT = 1;
    private static final int LOG_OF_PAGES = 1 << 2;
    private static final int READS_ZEROES_AFTER_DEALLOCATE = 1;
    private static final int DEALLOCATE_IN_WRITE_ZEROES = 1 << 3;
    private static final int WARM_KELVIN = 343;
    private static final int HOT_KELVIN = 353;

    private Identity() {}

    /** Of the controller; the page is all zero. */
    static void ofController(
            MemorySegment page, NvmeShape shape, String name, int namespaces, boolean hasCache) {
        put16(page, 0, VENDOR);
        put16(page, 2, VENDOR);
        text(page, 4, SERIAL_BYTES, name);
        text(page, 24, MODEL_BYTES, "Outboard NVMe");
        text(page, 64, FIRMWARE_BYTES, "1");
        put8(page, 77, shape.transferShift());
        put32(page, 80, NvmeDescriptor.VERSION_1_4);
        put8(page, 111, 1);
        put16(
                page,
                256,
                shape.doorbells() == NvmeShape.Doorbells.SHADOWED ? OPTIONAL_ADMIN_DOORBELLS : 0);
        put8(page, 258, ABORT_LIMIT);
        put8(page, 259, AsyncEvents.MOST_REQUESTS - 1);
        put8(page, 260, 0b11);
        put8(page, 261, LOG_OF_PAGES);
        put16(page, 266, WARM_KELVIN);
        put16(page, 268, HOT_KELVIN);
        // The only sizes there are: of commands 2 to the 6th, of completions 2 to the 4th.
        put8(page, 512, 0x66);
        put8(page, 513, 0x44);
        put32(page, 516, namespaces);
        put16(page, 520, OPTIONAL_IO);
        put8(page, 525, hasCache ? 1 : 0);
        put32(page, 536, SGL_ANY_ALIGNMENT);
        byte[] qualified = ("nqn.2014-08.org.nvmexpress:outboard:" + name).getBytes(US_ASCII);
        MemorySegment.copy(
                qualified,
                0,
                page,
                ValueLayout.JAVA_BYTE,
                QUALIFIED_NAME,
                Math.min(qualified.length, MOST_NAME_BYTES));
    }

    /** Of a namespace; the page is all zero. */
    static void ofNamespace(MemorySegment page, Namespace namespace) {
        page.set(NvmeDescriptor.U64, 0, namespace.blocks());
        page.set(NvmeDescriptor.U64, 8, namespace.blocks());
        page.set(NvmeDescriptor.U64, 16, namespace.blocks());
        put8(page, 33, READS_ZEROES_AFTER_DEALLOCATE | DEALLOCATE_IN_WRITE_ZEROES);
        put8(page, 99, namespace.medium().isReadOnly() ? 1 : 0);
        put32(page, 128, namespace.blockShift() << 16);
    }

    /** The numbers of active namespaces above one. */
    static void ofNamespaces(MemorySegment page, int above, int namespaces) {
        int most = NvmeDescriptor.PAGE_BYTES / Integer.BYTES;
        for (int at = 0; at < most && above + at < namespaces; at++) {
            put32(page, at * Integer.BYTES, above + at + 1);
        }
    }

    /** The list of descriptors of a namespace: its UUID, made of its number. */
    static void ofNames(MemorySegment page, int namespace) {
        put8(page, 0, 3);
        put8(page, 1, 16);
        put32(page, 4, 0x4f62_6472);
        put32(page, 16, namespace);
    }

    private static void put8(MemorySegment page, long offset, int value) {
        page.set(ValueLayout.JAVA_BYTE, offset, (byte) value);
    }

    private static void put16(MemorySegment page, long offset, int value) {
        page.set(NvmeDescriptor.U16, offset, (short) value);
    }

    private static void put32(MemorySegment page, long offset, int value) {
        page.set(NvmeDescriptor.U32, offset, value);
    }

    /** Text fields are filled up with spaces. */
    private static void text(MemorySegment page, int offset, int length, String text) {
        byte[] bytes = text.getBytes(US_ASCII);
        for (int at = 0; at < length; at++) {
            put8(page, offset + at, at < bytes.length ? bytes[at] : ' ');
        }
    }
}
