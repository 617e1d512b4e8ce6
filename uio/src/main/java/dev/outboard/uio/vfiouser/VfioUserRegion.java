package dev.outboard.uio.vfiouser;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.MappedRegisters;
import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.Registers;
import dev.outboard.uio.Resources;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * A region of a function of another process: mapped where the server lets us, else by message. Any
 * thread.
 */
final class VfioUserRegion implements Registers, AutoCloseable {
    /** The most areas of a region that we map. */
    static final int MOST_AREAS = 64;

    private final VfioUserClient client;
    private final int index;
    private final long lengthBytes;
    private final List<Area> areas = new ArrayList<>();
    private final Resources mappings = new Resources();

    /** A part that is mapped. */
    private record Area(long offset, long lengthBytes, Registers registers) {}

    private VfioUserRegion(VfioUserClient client, int index, long lengthBytes) {
        this.client = client;
        this.index = index;
        this.lengthBytes = lengthBytes;
    }

    /**
     * What a server says of a region.
     *
     * @param descriptors that came with it; stay the caller's
     * @throws VfioUserException if it makes no sense
     */
    static VfioUserRegion of(
            VfioUserClient client, int index, MemorySegment info, List<Descriptor> descriptors) {
        int flags = info.get(VfioUserDescriptor.U32, 4);
        long length = info.get(VfioUserDescriptor.U64, 16);
        long fileOffset = info.get(VfioUserDescriptor.U64, 24);
        if (length < 0 || info.get(VfioUserDescriptor.U32, 8) != index) {
            throw new VfioUserException(
                    "region %d of index=%d and lengthBytes=0x%x"
                            .formatted(index, info.get(VfioUserDescriptor.U32, 8), length));
        }
        VfioUserRegion region = new VfioUserRegion(client, index, length);
        boolean isMapped =
                (flags & VfioUserDescriptor.REGION_MAPPABLE) != 0
                        && !descriptors.isEmpty()
                        && length > 0;
        if (isMapped) {
            try (MemoryFile file = MemoryFile.adopt(descriptors.getFirst().duplicate())) {
                region.map(file, fileOffset, info, flags);
            } catch (RuntimeException failure) {
                region.mappings.closeAfter(failure);
                throw failure;
            }
        }
        return region;
    }

    private void map(MemoryFile file, long fileOffset, MemorySegment info, int flags) {
        long sparse = sparse(info, flags);
        if (sparse < 0) {
            map(file, fileOffset, 0, lengthBytes);
            return;
        }
        int count = info.get(VfioUserDescriptor.U32, sparse + 8);
        long room = info.byteSize() - sparse - VfioUserDescriptor.SPARSE_BYTES;
        if (count < 0 || count > MOST_AREAS || count > room / VfioUserDescriptor.AREA_BYTES) {
            throw new VfioUserException("region %d with %d areas".formatted(index, count));
        }
        for (int number = 0; number < count; number++) {
            long at =
                    sparse
                            + VfioUserDescriptor.SPARSE_BYTES
                            + (long) number * VfioUserDescriptor.AREA_BYTES;
            map(
                    file,
                    fileOffset,
                    info.get(VfioUserDescriptor.U64, at),
                    info.get(VfioUserDescriptor.U64, at + Long.BYTES));
        }
    }

    /** Where the list of areas is, or -1. A chain that leads backwards or out ends. */
    private static long sparse(MemorySegment info, int flags) {
        if ((flags & VfioUserDescriptor.REGION_HAS_CAPABILITIES) == 0) {
            return -1;
        }
        long at = Integer.toUnsignedLong(info.get(VfioUserDescriptor.U32, 12));
        long before = VfioUserDescriptor.REGION_BYTES - 1;
        while (at > before && at <= info.byteSize() - VfioUserDescriptor.SPARSE_BYTES) {
            if (info.get(VfioUserDescriptor.U16, at) == VfioUserDescriptor.CAPABILITY_SPARSE) {
                return at;
            }
            before = at;
            at = Integer.toUnsignedLong(info.get(VfioUserDescriptor.U32, at + 4));
        }
        return -1;
    }

    /** An area that cannot be mapped whole is reached by message, like what lies between areas. */
    private void map(MemoryFile file, long fileOffset, long offset, long length) {
        if (offset < 0 || length <= 0 || offset > lengthBytes - length) {
            throw new VfioUserException(
                    "region %d of 0x%x bytes has an area of 0x%x bytes at 0x%x"
                            .formatted(index, lengthBytes, length, offset));
        }
        boolean isInFile =
                fileOffset >= 0
                        && fileOffset <= Long.MAX_VALUE - offset
                        && fileOffset + offset <= file.lengthBytes() - length;
        if (!isInFile) {
            return;
        }
        Mapping mapping = mappings.add(file.map(fileOffset + offset, length, true));
        areas.add(new Area(offset, length, new MappedRegisters(mapping.memory())));
    }

    @Override
    public long lengthBytes() {
        return lengthBytes;
    }

    private Area area(long offset, int bytes) {
        if (offset < 0 || offset > lengthBytes - bytes || offset % bytes != 0) {
            throw new IndexOutOfBoundsException(
                    "offset=0x%x bytes=%d is no register of a region of 0x%x bytes"
                            .formatted(offset, bytes, lengthBytes));
        }
        for (int number = 0; number < areas.size(); number++) {
            Area area = areas.get(number);
            if (offset >= area.offset && offset - area.offset <= area.lengthBytes - bytes) {
                return area;
            }
        }
        return null;
    }

    /** A register by its width, zero-extended. */
    long get(long offset, int bytes) {
        return switch (bytes) {
            case Byte.BYTES -> Byte.toUnsignedLong(getByte(offset));
            case Short.BYTES -> Short.toUnsignedLong(getShort(offset));
            case Integer.BYTES -> Integer.toUnsignedLong(getInt(offset));
            default -> getLong(offset);
        };
    }

    void put(long offset, int bytes, long value) {
        switch (bytes) {
            case Byte.BYTES -> putByte(offset, (byte) value);
            case Short.BYTES -> putShort(offset, (short) value);
            case Integer.BYTES -> putInt(offset, (int) value);
            default -> putLong(offset, value);
        }
    }

    @Override
    public byte getByte(long offset) {
        Area area = area(offset, Byte.BYTES);
        return area != null
                ? area.registers.getByte(offset - area.offset)
                : client.read(index, offset, Byte.BYTES).get(ValueLayout.JAVA_BYTE, 0);
    }

    @Override
    public void putByte(long offset, byte value) {
        Area area = area(offset, Byte.BYTES);
        if (area != null) {
            area.registers.putByte(offset - area.offset, value);
        } else {
            client.write(index, offset, Byte.BYTES, value);
        }
    }

    @Override
    public short getShort(long offset) {
        Area area = area(offset, Short.BYTES);
        return area != null
                ? area.registers.getShort(offset - area.offset)
                : client.read(index, offset, Short.BYTES).get(VfioUserDescriptor.U16, 0);
    }

    @Override
    public void putShort(long offset, short value) {
        Area area = area(offset, Short.BYTES);
        if (area != null) {
            area.registers.putShort(offset - area.offset, value);
        } else {
            client.write(index, offset, Short.BYTES, value);
        }
    }

    @Override
    public int getInt(long offset) {
        Area area = area(offset, Integer.BYTES);
        return area != null
                ? area.registers.getInt(offset - area.offset)
                : client.read(index, offset, Integer.BYTES).get(VfioUserDescriptor.U32, 0);
    }

    @Override
    public void putInt(long offset, int value) {
        Area area = area(offset, Integer.BYTES);
        if (area != null) {
            area.registers.putInt(offset - area.offset, value);
        } else {
            client.write(index, offset, Integer.BYTES, value);
        }
    }

    @Override
    public long getLong(long offset) {
        Area area = area(offset, Long.BYTES);
        return area != null
                ? area.registers.getLong(offset - area.offset)
                : client.read(index, offset, Long.BYTES).get(VfioUserDescriptor.U64, 0);
    }

    @Override
    public void putLong(long offset, long value) {
        Area area = area(offset, Long.BYTES);
        if (area != null) {
            area.registers.putLong(offset - area.offset, value);
        } else {
            client.write(index, offset, Long.BYTES, value);
        }
    }

    @Override
    public void close() {
        mappings.close();
    }
}
