package dev.outboard.uio.vfio;

import dev.outboard.uio.DeviceNode;
import dev.outboard.uio.nativecall.ErrorNames;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * An address space of iommufd: {@code /dev/iommu}, of Linux 6.2 and later. A device's node is bound
 * to it and attached, then memory is mapped. There is no limit to the number of mappings but
 * memory.
 */
final class IommufdSpace implements AddressSpace {
    private static final int FIRST_RANGES = 16;
    private static final int MOST_RANGES = 4096;
    private static final int EMSGSIZE = 90;
    private static final long LEAST_PAGE_BYTES = 4096;

    private final DeviceNode node;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment map = arena.allocate(IommufdDescriptor.MAP_BYTES, Long.BYTES);
    private final MemorySegment unmap = arena.allocate(IommufdDescriptor.UNMAP_BYTES, Long.BYTES);
    private final int space;
    private List<IovaRange> ranges = List.of();
    private long pageBytes = LEAST_PAGE_BYTES;
    private boolean closed;

    /**
     * @param node taken over, also if this fails
     */
    IommufdSpace(DeviceNode node) {
        this.node = node;
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment made = scratch.allocate(IommufdDescriptor.ALLOCATE_BYTES, Long.BYTES);
            made.set(VfioDescriptor.U32, 0, IommufdDescriptor.ALLOCATE_BYTES);
            Questions.require(
                    node.control(IommufdDescriptor.SPACE_ALLOCATE, made), node, "IOMMU_IOAS_ALLOC");
            space = made.get(VfioDescriptor.U32, IommufdDescriptor.ALLOCATE_SPACE);
        } catch (RuntimeException failure) {
            close();
            throw failure;
        }
    }

    /**
     * Binds a device's node, and lets it use this space.
     *
     * @throws dev.outboard.uio.NativeException EBUSY if another process has a device of its group
     */
    void attach(DeviceNode device) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment bind = scratch.allocate(VfioDescriptor.BIND_BYTES, Long.BYTES);
            bind.set(VfioDescriptor.U32, 0, VfioDescriptor.BIND_BYTES);
            bind.set(VfioDescriptor.U32, VfioDescriptor.BIND_IOMMUFD, node.descriptor().number());
            Questions.require(
                    device.control(VfioDescriptor.DEVICE_BIND_IOMMUFD, bind),
                    device,
                    "VFIO_DEVICE_BIND_IOMMUFD");
            MemorySegment attach = scratch.allocate(VfioDescriptor.ATTACH_BYTES, Long.BYTES);
            attach.set(VfioDescriptor.U32, 0, VfioDescriptor.ATTACH_BYTES);
            attach.set(VfioDescriptor.U32, VfioDescriptor.ATTACH_SPACE, space);
            Questions.require(
                    device.control(VfioDescriptor.DEVICE_ATTACH, attach),
                    device,
                    "VFIO_DEVICE_ATTACH_IOMMUFD_PT");
            learnRanges(scratch);
        }
    }

    /** The device narrows what can be mapped: asked after each. */
    private void learnRanges(Arena scratch) {
        int room = FIRST_RANGES;
        while (true) {
            MemorySegment list =
                    scratch.allocate((long) room * IommufdDescriptor.RANGE_BYTES, Long.BYTES);
            MemorySegment ask = scratch.allocate(IommufdDescriptor.RANGES_BYTES, Long.BYTES);
            ask.set(VfioDescriptor.U32, 0, IommufdDescriptor.RANGES_BYTES);
            ask.set(VfioDescriptor.U32, IommufdDescriptor.RANGES_SPACE, space);
            ask.set(VfioDescriptor.U32, IommufdDescriptor.RANGES_COUNT, room);
            ask.set(VfioDescriptor.U64, IommufdDescriptor.RANGES_LIST, list.address());
            int answer = node.control(IommufdDescriptor.SPACE_RANGES, ask);
            int count = ask.get(VfioDescriptor.U32, IommufdDescriptor.RANGES_COUNT);
            if (answer == -EMSGSIZE && count > room && count <= MOST_RANGES) {
                room = count;
                continue;
            }
            Questions.require(answer, node, "IOMMU_IOAS_IOVA_RANGES");
            List<IovaRange> found = new ArrayList<>();
            for (int index = 0; index < Math.min(count, room); index++) {
                long at = (long) index * IommufdDescriptor.RANGE_BYTES;
                found.add(
                        new IovaRange(
                                list.get(VfioDescriptor.U64, at),
                                list.get(VfioDescriptor.U64, at + Long.BYTES)));
            }
            ranges = List.copyOf(found);
            // An alignment below a page helps nobody who maps pages.
            pageBytes =
                    Math.max(
                            LEAST_PAGE_BYTES,
                            ask.get(VfioDescriptor.U64, IommufdDescriptor.RANGES_ALIGNMENT));
            return;
        }
    }

    @Override
    public synchronized boolean map(
            long iova, MemorySegment here, long offset, long lengthBytes, int access) {
        requireOpen();
        Objects.checkFromIndexSize(offset, lengthBytes, here.byteSize());
        int rights =
                ((access & READ) != 0 ? IommufdDescriptor.MAP_READABLE : 0)
                        | ((access & WRITE) != 0 ? IommufdDescriptor.MAP_WRITABLE : 0);
        map.set(VfioDescriptor.U32, 0, IommufdDescriptor.MAP_BYTES);
        map.set(VfioDescriptor.U32, 4, rights | IommufdDescriptor.MAP_FIXED_IOVA);
        map.set(VfioDescriptor.U32, IommufdDescriptor.MAP_SPACE, space);
        map.set(VfioDescriptor.U64, IommufdDescriptor.MAP_HERE, here.address() + offset);
        map.set(VfioDescriptor.U64, IommufdDescriptor.MAP_LENGTH, lengthBytes);
        map.set(VfioDescriptor.U64, IommufdDescriptor.MAP_IOVA, iova);
        int answer = node.control(IommufdDescriptor.SPACE_MAP, map);
        if (answer < 0) {
            throw MappingFailure.of(this, answer, iova, lengthBytes);
        }
        return true;
    }

    @Override
    public synchronized long unmap(long iova, long lengthBytes) {
        requireOpen();
        int answer = tryUnmap(iova, lengthBytes);
        if (answer == -ErrorNames.ENOENT) {
            return 0;
        }
        if (answer < 0) {
            throw new VfioException(
                    "iova=0x%x lengthBytes=0x%x cannot be unmapped: %s: unmap whole mappings"
                            .formatted(iova, lengthBytes, ErrorNames.of(-answer)));
        }
        return unmap.get(VfioDescriptor.U64, IommufdDescriptor.UNMAP_LENGTH);
    }

    private int tryUnmap(long iova, long lengthBytes) {
        unmap.set(VfioDescriptor.U32, 0, IommufdDescriptor.UNMAP_BYTES);
        unmap.set(VfioDescriptor.U32, IommufdDescriptor.UNMAP_SPACE, space);
        unmap.set(VfioDescriptor.U64, IommufdDescriptor.UNMAP_IOVA, iova);
        unmap.set(VfioDescriptor.U64, IommufdDescriptor.UNMAP_LENGTH, lengthBytes);
        return node.control(IommufdDescriptor.SPACE_UNMAP, unmap);
    }

    @Override
    public synchronized void unmapAll() {
        requireOpen();
        int answer = tryUnmap(0, -1L);
        if (answer != -ErrorNames.ENOENT) {
            Questions.require(answer, node, "IOMMU_IOAS_UNMAP");
        }
    }

    @Override
    public List<IovaRange> ranges() {
        return ranges;
    }

    @Override
    public long pageBytes() {
        return pageBytes;
    }

    @Override
    public int left() {
        return Integer.MAX_VALUE;
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException(node.name() + " is closed");
        }
    }

    @Override
    public String describe() {
        return "iommufd";
    }

    /** The kernel destroys the space, and what is mapped, with the descriptor. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            node.close();
            arena.close();
        }
    }
}
