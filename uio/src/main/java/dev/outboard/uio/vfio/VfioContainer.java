package dev.outboard.uio.vfio;

import dev.outboard.uio.DeviceNode;
import dev.outboard.uio.nativecall.ErrorNames;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;

/**
 * The address space of groups: {@code /dev/vfio/vfio}, with an IOMMU of type 1, version 2. Groups
 * are added, then it is started, then memory is mapped.
 */
final class VfioContainer implements AddressSpace {
    private static final long EVERYTHING_BYTES = 1L << 62;

    private final DeviceNode node;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment map = arena.allocate(VfioDescriptor.MAP_BYTES, Long.BYTES);
    private final MemorySegment unmap = arena.allocate(VfioDescriptor.UNMAP_BYTES, Long.BYTES);
    private final boolean unmapsAll;
    private List<IovaRange> ranges = List.of();
    private long pageBytes;
    private boolean closed;

    /**
     * @param node taken over, also if this fails
     * @throws VfioException if the kernel has no VFIO that we know
     */
    VfioContainer(DeviceNode node) {
        this.node = node;
        try {
            int version = node.control(VfioDescriptor.GET_API_VERSION, 0);
            if (version != VfioDescriptor.API_VERSION) {
                throw new VfioException(
                        "%s speaks version %d of VFIO, and 0 is known: take a newer Outboard"
                                .formatted(node.name(), version));
            }
            if (!has(VfioDescriptor.TYPE1_V2)) {
                throw new VfioException(
                        node.name()
                                + " has no IOMMU of type 1, version 2: modprobe vfio_iommu_type1");
            }
            unmapsAll = has(VfioDescriptor.UNMAP_ALL);
        } catch (RuntimeException failure) {
            close();
            throw failure;
        }
    }

    private boolean has(int extension) {
        return node.control(VfioDescriptor.CHECK_EXTENSION, extension) > 0;
    }

    /** The descriptor that a group is told of. */
    int number() {
        return node.descriptor().number();
    }

    /** The first group is in: from now on memory can be mapped. */
    void start() {
        Questions.require(
                node.control(VfioDescriptor.SET_IOMMU, VfioDescriptor.TYPE1_V2),
                node,
                "VFIO_SET_IOMMU");
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment info = info(scratch);
            long sizes = info.get(VfioDescriptor.U64, VfioDescriptor.TYPE1_PAGE_SIZES);
            pageBytes = Long.lowestOneBit(sizes);
            long at = Capabilities.find(info, capabilities(info), VfioDescriptor.IOVA_RANGES);
            ranges =
                    at < 0
                            // Kernels before 5.4 do not say.
                            ? List.of(new IovaRange(0, -1))
                            : Capabilities.pairs(info, at).stream()
                                    .map(pair -> new IovaRange(pair.first(), pair.second()))
                                    .toList();
        }
    }

    private MemorySegment info(Arena scratch) {
        return Questions.ask(
                scratch,
                node,
                "VFIO_IOMMU_GET_INFO",
                VfioDescriptor.IOMMU_GET_INFO,
                VfioDescriptor.TYPE1_BYTES,
                -1);
    }

    private static long capabilities(MemorySegment info) {
        int flags = info.get(VfioDescriptor.U32, 4);
        return (flags & VfioDescriptor.TYPE1_HAS_CAPABILITIES) == 0
                ? 0
                : Integer.toUnsignedLong(
                        info.get(VfioDescriptor.U32, VfioDescriptor.TYPE1_CAPABILITIES));
    }

    @Override
    public synchronized boolean map(
            long iova, MemorySegment here, long offset, long lengthBytes, int access) {
        requireOpen();
        Objects.checkFromIndexSize(offset, lengthBytes, here.byteSize());
        map.set(VfioDescriptor.U32, 0, VfioDescriptor.MAP_BYTES);
        // READ and WRITE are VFIO's own bits.
        map.set(VfioDescriptor.U32, 4, access & (READ | WRITE));
        map.set(VfioDescriptor.U64, VfioDescriptor.MAP_HERE, here.address() + offset);
        map.set(VfioDescriptor.U64, VfioDescriptor.MAP_IOVA, iova);
        map.set(VfioDescriptor.U64, VfioDescriptor.MAP_LENGTH, lengthBytes);
        int answer = node.control(VfioDescriptor.IOMMU_MAP, map);
        if (answer == -ErrorNames.ENOSPC) {
            return false;
        }
        if (answer < 0) {
            throw MappingFailure.of(this, answer, iova, lengthBytes);
        }
        return true;
    }

    @Override
    public synchronized long unmap(long iova, long lengthBytes) {
        requireOpen();
        int answer = unmap(0, iova, lengthBytes);
        if (answer < 0) {
            throw new VfioException(
                    "iova=0x%x lengthBytes=0x%x cannot be unmapped: %s: unmap whole mappings"
                            .formatted(iova, lengthBytes, ErrorNames.of(-answer)));
        }
        return unmap.get(VfioDescriptor.U64, VfioDescriptor.UNMAP_LENGTH);
    }

    private int unmap(int flags, long iova, long lengthBytes) {
        unmap.set(VfioDescriptor.U32, 0, VfioDescriptor.UNMAP_BYTES);
        unmap.set(VfioDescriptor.U32, 4, flags);
        unmap.set(VfioDescriptor.U64, VfioDescriptor.UNMAP_IOVA, iova);
        unmap.set(VfioDescriptor.U64, VfioDescriptor.UNMAP_LENGTH, lengthBytes);
        return node.control(VfioDescriptor.IOMMU_UNMAP, unmap);
    }

    @Override
    public synchronized void unmapAll() {
        requireOpen();
        if (unmapsAll) {
            Questions.require(
                    unmap(VfioDescriptor.UNMAP_EVERYTHING, 0, 0), node, "VFIO_IOMMU_UNMAP_DMA");
            return;
        }
        // Older kernels take a range, whose end must not wrap around.
        for (long iova = 0; iova >= 0; iova += EVERYTHING_BYTES) {
            Questions.require(unmap(0, iova, EVERYTHING_BYTES), node, "VFIO_IOMMU_UNMAP_DMA");
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
    public synchronized int left() {
        requireOpen();
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment info = info(scratch);
            long at = Capabilities.find(info, capabilities(info), VfioDescriptor.MAPPINGS_LEFT);
            // Kernels before 5.10 do not say, and their limit is a module's parameter.
            return at < 0 ? Integer.MAX_VALUE : Math.max(0, Capabilities.count(info, at));
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException(node.name() + " is closed");
        }
    }

    @Override
    public String describe() {
        return "VFIO's container, type 1";
    }

    /** The kernel unmaps everything with the last descriptor. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            node.close();
            arena.close();
        }
    }
}
