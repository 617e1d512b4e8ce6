package dev.outboard.dma;

import dev.outboard.iommu.IotlbGeometry;
import dev.outboard.iommu.TableFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;

/**
 * Messages by which a device attaches to an owner, over a SEQPACKET socket, host byte order.
 *
 * <pre>
 *   device                       owner
 *   HELLO name          ──────►
 *                       ◄──────  GRANT format, size, IOTLB    + table, control page, fault event
 *                       ◄──────  SEGMENT address, length      + its file; as many as GRANT said
 *                  or   ◄──────  REFUSAL text
 *
 *   later, any number of times, each answered:
 *                       ◄──────  SEGMENT_ADDED sequence, address, length     + its file
 *                       ◄──────  SEGMENT_REMOVED sequence, address, length
 *   DONE sequence       ──────►
 *
 *   every message:  0 magic u32   4 version u16   6 type u16
 *   HELLO           8 length u32  12 name
 *   GRANT           8 format u32  12 entries u32  16 IOTLB u64
 *                  24 segments u32  28 hub id u32
 *   SEGMENT         8 physical address u64        16 length u64
 *   SEGMENT_…ED     8 physical address u64        16 length u64   24 sequence u64
 *   DONE            8 sequence u64
 *   REFUSAL         8 length u32  12 text
 * </pre>
 *
 * <p>The device says only that it has done what a message asked for, in the order of the sequence;
 * the end of the connection is the end of the attachment. A message that breaks a rule here is an
 * {@link IllegalArgumentException} that says which.
 */
final class AttachProtocol {
    static final int HELLO = 1;
    static final int GRANT = 2;
    static final int SEGMENT = 3;
    static final int REFUSAL = 4;
    static final int SEGMENT_ADDED = 5;
    static final int SEGMENT_REMOVED = 6;
    static final int DONE = 7;

    /** The most segments that a device can reach at a time. */
    static final int MAX_SEGMENTS = 128;

    /** Longer than any message: one that fills it is too long. */
    static final int BUFFER_BYTES = 1024;

    private static final int MAGIC = 0x4f42494f;
    private static final short VERSION = 3;
    private static final int TYPE_OFFSET = 6;
    private static final int BODY_OFFSET = 8;
    private static final int TEXT_OFFSET = 12;
    private static final int GRANT_BYTES = 32;
    private static final int SEGMENT_BYTES = 24;
    private static final int CHANGE_BYTES = 32;
    private static final int DONE_BYTES = 16;
    private static final int MAX_TEXT_BYTES = 512;
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._:-]{0,63}");
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

    private AttachProtocol() {}

    /** What an owner grants. */
    record Grant(TableFormat format, int entries, IotlbGeometry iotlb, int segments, int hubId) {
        /** For a device of hub 0, as every device is where a table has no hub ids. */
        Grant(TableFormat format, int entries, IotlbGeometry iotlb, int segments) {
            this(format, entries, iotlb, segments, 0);
        }
    }

    /** A piece of physical memory. */
    record Segment(long physicalAddress, long lengthBytes) {}

    /** A piece of physical memory that comes or goes: the n-th such message of a connection. */
    record Change(long sequence, Segment segment) {}

    static MemorySegment buffer(Arena arena) {
        return arena.allocate(BUFFER_BYTES, Long.BYTES);
    }

    /** Refuses what is no name of a device. */
    static String requireName(String name) {
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException(
                    "'%s' is no device name: 1 to 64 letters, digits, dots, colons, dashes"
                            .formatted(name.length() > 80 ? name.substring(0, 80) + "…" : name));
        }
        return name;
    }

    private static void writeHeader(MemorySegment buffer, int type) {
        buffer.set(INT, 0, MAGIC);
        buffer.set(ValueLayout.JAVA_SHORT, 4, VERSION);
        buffer.set(ValueLayout.JAVA_SHORT, TYPE_OFFSET, (short) type);
    }

    private static int writeText(MemorySegment buffer, int type, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        int length = Math.min(bytes.length, MAX_TEXT_BYTES);
        writeHeader(buffer, type);
        buffer.set(INT, BODY_OFFSET, length);
        MemorySegment.copy(bytes, 0, buffer, ValueLayout.JAVA_BYTE, TEXT_OFFSET, length);
        return TEXT_OFFSET + length;
    }

    static int writeHello(MemorySegment buffer, String name) {
        return writeText(buffer, HELLO, name);
    }

    static int writeRefusal(MemorySegment buffer, String text) {
        return writeText(buffer, REFUSAL, text);
    }

    static int writeGrant(MemorySegment buffer, Grant grant) {
        writeHeader(buffer, GRANT);
        buffer.set(INT, 8, grant.format.code());
        buffer.set(INT, 12, grant.entries);
        buffer.set(LONG, 16, grant.iotlb.code());
        buffer.set(INT, 24, grant.segments);
        buffer.set(INT, 28, grant.hubId);
        return GRANT_BYTES;
    }

    static int writeSegment(MemorySegment buffer, Segment segment) {
        writeHeader(buffer, SEGMENT);
        buffer.set(LONG, 8, segment.physicalAddress);
        buffer.set(LONG, 16, segment.lengthBytes);
        return SEGMENT_BYTES;
    }

    /** {@link #SEGMENT_ADDED} or {@link #SEGMENT_REMOVED}. */
    static int writeChange(MemorySegment buffer, int type, Change change) {
        writeSegment(buffer, change.segment);
        writeHeader(buffer, type);
        buffer.set(LONG, 24, change.sequence);
        return CHANGE_BYTES;
    }

    static int writeDone(MemorySegment buffer, long sequence) {
        writeHeader(buffer, DONE);
        buffer.set(LONG, 8, sequence);
        return DONE_BYTES;
    }

    /** The type of a message, after the checks that every message must pass. */
    static int type(MemorySegment buffer, int lengthBytes) {
        if (lengthBytes < BODY_OFFSET || lengthBytes >= BUFFER_BYTES) {
            throw new IllegalArgumentException(
                    "message of lengthBytes=%d is too short or too long".formatted(lengthBytes));
        }
        int magic = buffer.get(INT, 0);
        int version = buffer.get(ValueLayout.JAVA_SHORT, 4);
        if (magic != MAGIC) {
            throw new IllegalArgumentException(
                    "magic=0x%x: the peer does not speak this protocol".formatted(magic));
        }
        if (version != VERSION) {
            throw new IllegalArgumentException(
                    "version=%d, but this side speaks %d: use one release on both sides"
                            .formatted(version, VERSION));
        }
        return buffer.get(ValueLayout.JAVA_SHORT, TYPE_OFFSET);
    }

    /** The text of a HELLO or a REFUSAL. */
    static String readText(MemorySegment buffer, int lengthBytes) {
        int length = lengthBytes < TEXT_OFFSET ? -1 : buffer.get(INT, BODY_OFFSET);
        if (length < 0 || length > MAX_TEXT_BYTES || lengthBytes != TEXT_OFFSET + length) {
            throw new IllegalArgumentException(
                    "text of length=%d in a message of lengthBytes=%d"
                            .formatted(length, lengthBytes));
        }
        byte[] bytes = new byte[length];
        MemorySegment.copy(buffer, ValueLayout.JAVA_BYTE, TEXT_OFFSET, bytes, 0, length);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    static Grant readGrant(MemorySegment buffer, int lengthBytes) {
        requireLength(lengthBytes, GRANT_BYTES);
        TableFormat format = TableFormat.ofCode(buffer.get(INT, 8));
        int entries = buffer.get(INT, 12);
        if (!format.isTableSize(entries)) {
            throw new IllegalArgumentException(
                    "entries=%d is no size of a %s table".formatted(entries, format.title()));
        }
        IotlbGeometry iotlb = IotlbGeometry.ofCode(buffer.get(LONG, 16));
        int segments = buffer.get(INT, 24);
        if (segments < 1 || segments > MAX_SEGMENTS) {
            throw new IllegalArgumentException(
                    "segments=%d is not 1 to %d".formatted(segments, MAX_SEGMENTS));
        }
        int hubId = buffer.get(INT, 28);
        if (hubId < 0 || hubId >= format.hubs()) {
            throw new IllegalArgumentException(
                    "hubId=%d, but %s has %d hubs".formatted(hubId, format.title(), format.hubs()));
        }
        return new Grant(format, entries, iotlb, segments, hubId);
    }

    static Segment readSegment(MemorySegment buffer, int lengthBytes) {
        requireLength(lengthBytes, SEGMENT_BYTES);
        return new Segment(buffer.get(LONG, 8), buffer.get(LONG, 16));
    }

    static Change readChange(MemorySegment buffer, int lengthBytes) {
        requireLength(lengthBytes, CHANGE_BYTES);
        return new Change(
                buffer.get(LONG, 24), new Segment(buffer.get(LONG, 8), buffer.get(LONG, 16)));
    }

    /** The sequence of what a device has done. */
    static long readDone(MemorySegment buffer, int lengthBytes) {
        requireLength(lengthBytes, DONE_BYTES);
        return buffer.get(LONG, 8);
    }

    private static void requireLength(int lengthBytes, int expected) {
        if (lengthBytes != expected) {
            throw new IllegalArgumentException(
                    "message of lengthBytes=%d, but %d were expected"
                            .formatted(lengthBytes, expected));
        }
    }
}
