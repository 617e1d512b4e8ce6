package dev.outboard.uio.pci;

import dev.outboard.uio.MappedRegisters;
import dev.outboard.uio.Registers;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * A region of which parts are mapped, as the kernel or a peer lets them be, and the rest is reached
 * by asking. Any thread, if asking is; an access to a mapped part allocates nothing.
 */
public final class SparseRegisters implements Registers {
    private final Registers others;
    private final long[] starts;
    private final long[] lengths;
    private final MappedRegisters[] areas;

    /**
     * A part that is mapped.
     *
     * @param offset of it in the region
     * @param memory its owner's, mapped as long as the region is used
     */
    public record Area(long offset, MemorySegment memory) {}

    private SparseRegisters(List<Area> mapped, Registers others) {
        this.others = others;
        starts = mapped.stream().mapToLong(Area::offset).toArray();
        lengths = mapped.stream().mapToLong(area -> area.memory().byteSize()).toArray();
        areas =
                mapped.stream()
                        .map(area -> new MappedRegisters(area.memory()))
                        .toArray(MappedRegisters[]::new);
    }

    /**
     * A region.
     *
     * @param mapped parts of it, inside of it
     * @param others how all of it is reached by asking; its length is the region's
     */
    public static Registers of(List<Area> mapped, Registers others) {
        List<Area> inside = new ArrayList<>();
        for (Area area : mapped) {
            long length = area.memory().byteSize();
            if (area.offset() < 0 || area.offset() > others.lengthBytes() - length) {
                throw new IllegalArgumentException(
                        "an area of 0x%x bytes at 0x%x is outside of a region of 0x%x bytes"
                                .formatted(length, area.offset(), others.lengthBytes()));
            }
            inside.add(area);
        }
        if (inside.isEmpty()) {
            return others;
        }
        boolean isWhole =
                inside.size() == 1 && inside.getFirst().memory().byteSize() == others.lengthBytes();
        return isWhole
                ? new MappedRegisters(inside.getFirst().memory())
                : new SparseRegisters(inside, others);
    }

    @Override
    public long lengthBytes() {
        return others.lengthBytes();
    }

    /** Which area has all of an access, or -1: then it is asked for, and checked there. */
    private int area(long offset, int bytes) {
        for (int index = 0; index < starts.length; index++) {
            long within = offset - starts[index];
            if (within >= 0 && within <= lengths[index] - bytes) {
                return index;
            }
        }
        return -1;
    }

    @Override
    public byte getByte(long offset) {
        int area = area(offset, Byte.BYTES);
        return area < 0 ? others.getByte(offset) : areas[area].getByte(offset - starts[area]);
    }

    @Override
    public void putByte(long offset, byte value) {
        int area = area(offset, Byte.BYTES);
        if (area < 0) {
            others.putByte(offset, value);
        } else {
            areas[area].putByte(offset - starts[area], value);
        }
    }

    @Override
    public short getShort(long offset) {
        int area = area(offset, Short.BYTES);
        return area < 0 ? others.getShort(offset) : areas[area].getShort(offset - starts[area]);
    }

    @Override
    public void putShort(long offset, short value) {
        int area = area(offset, Short.BYTES);
        if (area < 0) {
            others.putShort(offset, value);
        } else {
            areas[area].putShort(offset - starts[area], value);
        }
    }

    @Override
    public int getInt(long offset) {
        int area = area(offset, Integer.BYTES);
        return area < 0 ? others.getInt(offset) : areas[area].getInt(offset - starts[area]);
    }

    @Override
    public void putInt(long offset, int value) {
        int area = area(offset, Integer.BYTES);
        if (area < 0) {
            others.putInt(offset, value);
        } else {
            areas[area].putInt(offset - starts[area], value);
        }
    }

    @Override
    public long getLong(long offset) {
        int area = area(offset, Long.BYTES);
        return area < 0 ? others.getLong(offset) : areas[area].getLong(offset - starts[area]);
    }

    @Override
    public void putLong(long offset, long value) {
        int area = area(offset, Long.BYTES);
        if (area < 0) {
            others.putLong(offset, value);
        } else {
            areas[area].putLong(offset - starts[area], value);
        }
    }
}
