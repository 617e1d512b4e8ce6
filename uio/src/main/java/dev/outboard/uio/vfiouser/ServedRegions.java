package dev.outboard.uio.vfiouser;

import dev.outboard.uio.Descriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * The regions of a function, as its client is told of them, reads and writes them by message. The
 * session's thread.
 */
final class ServedRegions {
    private static final int WIDEST_BYTES = Long.BYTES;

    private final VfioUserDevice device;

    ServedRegions(VfioUserDevice device) {
        this.device = device;
    }

    Answer info(MemorySegment payload) {
        int index =
                Request.index(payload, VfioUserDescriptor.REGION_BYTES, VfioUserDescriptor.REGIONS);
        long length = device.regionBytes(index);
        VfioUserDevice.Shared shared = length == 0 ? null : device.shared(index);
        List<VfioUserDevice.Area> areas = shared == null ? List.of() : shared.areas();
        int full =
                VfioUserDescriptor.REGION_BYTES
                        + (areas.isEmpty()
                                ? 0
                                : VfioUserDescriptor.SPARSE_BYTES
                                        + areas.size() * VfioUserDescriptor.AREA_BYTES);
        // Who has no room for it is told how much it takes, and nothing of the areas.
        boolean hasRoom = Integer.toUnsignedLong(payload.get(VfioUserDescriptor.U32, 0)) >= full;
        return new Answer(
                hasRoom ? full : VfioUserDescriptor.REGION_BYTES,
                into -> describe(into, index, full, hasRoom, shared),
                shared == null ? new Descriptor[0] : new Descriptor[] {shared.file()});
    }

    private void describe(
            MemorySegment into,
            int index,
            int full,
            boolean hasRoom,
            VfioUserDevice.Shared shared) {
        long length = device.regionBytes(index);
        boolean hasAreas = shared != null && !shared.areas().isEmpty();
        int flags =
                (length == 0
                                ? 0
                                : VfioUserDescriptor.REGION_READABLE
                                        | VfioUserDescriptor.REGION_WRITABLE)
                        | (shared == null ? 0 : VfioUserDescriptor.REGION_MAPPABLE)
                        | (hasAreas ? VfioUserDescriptor.REGION_HAS_CAPABILITIES : 0);
        into.set(VfioUserDescriptor.U32, 0, full);
        into.set(VfioUserDescriptor.U32, 4, flags);
        into.set(VfioUserDescriptor.U32, 8, index);
        into.set(VfioUserDescriptor.U64, 16, length);
        into.set(VfioUserDescriptor.U64, 24, shared == null ? 0 : shared.fileOffset());
        if (!hasAreas || !hasRoom) {
            return;
        }
        long at = VfioUserDescriptor.REGION_BYTES;
        into.set(VfioUserDescriptor.U32, 12, (int) at);
        into.set(VfioUserDescriptor.U16, at, (short) VfioUserDescriptor.CAPABILITY_SPARSE);
        into.set(VfioUserDescriptor.U16, at + 2, (short) 1);
        into.set(VfioUserDescriptor.U32, at + 8, shared.areas().size());
        at += VfioUserDescriptor.SPARSE_BYTES;
        for (VfioUserDevice.Area area : shared.areas()) {
            into.set(VfioUserDescriptor.U64, at, area.offset());
            into.set(VfioUserDescriptor.U64, at + Long.BYTES, area.lengthBytes());
            at += VfioUserDescriptor.AREA_BYTES;
        }
    }

    private int count(MemorySegment payload, int region) {
        int count = payload.get(VfioUserDescriptor.U32, 12);
        long offset = payload.get(VfioUserDescriptor.U64, 0);
        long length = region < 0 ? 0 : device.regionBytes(region);
        if (count <= 0
                || count > VfioUserDescriptor.MOST_DATA_BYTES
                || offset < 0
                || offset > length - count) {
            throw new VfioUserException("no such registers", VfioUserSession.EINVAL);
        }
        return count;
    }

    private static int region(MemorySegment payload) {
        int region =
                Request.need(payload, VfioUserDescriptor.ACCESS_BYTES)
                        .get(VfioUserDescriptor.U32, 8);
        return region >= VfioUserDescriptor.REGIONS ? -1 : region;
    }

    /** The widest access that begins there, is aligned, and is no longer than what is left. */
    private static int width(long offset, int left) {
        int width = WIDEST_BYTES;
        while (width > left || offset % width != 0) {
            width >>>= 1;
        }
        return width;
    }

    Answer read(MemorySegment payload) {
        int region = region(payload);
        int count = count(payload, region);
        long offset = payload.get(VfioUserDescriptor.U64, 0);
        byte[] bytes = new byte[count];
        int done = 0;
        while (done < count) {
            int width = width(offset + done, count - done);
            long value = device.read(region, offset + done, width);
            for (int at = 0; at < width; at++) {
                bytes[done + at] = (byte) (value >>> at * Byte.SIZE);
            }
            done += width;
        }
        return Answer.of(
                VfioUserDescriptor.ACCESS_BYTES + count,
                into -> {
                    into.copyFrom(payload.asSlice(0, VfioUserDescriptor.ACCESS_BYTES));
                    MemorySegment.copy(
                            bytes,
                            0,
                            into,
                            ValueLayout.JAVA_BYTE,
                            VfioUserDescriptor.ACCESS_BYTES,
                            count);
                });
    }

    Answer write(MemorySegment payload) {
        int region = region(payload);
        int count = count(payload, region);
        Request.need(payload, VfioUserDescriptor.ACCESS_BYTES + count);
        long offset = payload.get(VfioUserDescriptor.U64, 0);
        int done = 0;
        while (done < count) {
            int width = width(offset + done, count - done);
            long value = 0;
            for (int at = 0; at < width; at++) {
                long one =
                        payload.get(
                                ValueLayout.JAVA_BYTE, VfioUserDescriptor.ACCESS_BYTES + done + at);
                value |= (one & 0xff) << at * Byte.SIZE;
            }
            device.write(region, offset + done, width, value);
            done += width;
        }
        return Answer.of(
                VfioUserDescriptor.ACCESS_BYTES,
                into -> into.copyFrom(payload.asSlice(0, VfioUserDescriptor.ACCESS_BYTES)));
    }
}
