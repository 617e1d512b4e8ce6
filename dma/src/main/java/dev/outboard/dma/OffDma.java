package dev.outboard.dma;

/**
 * No IOMMU: an IOVA is a physical address, and every device reaches every segment, always. The
 * window is measured all the same: everything ever unmapped is still reachable.
 */
final class OffDma implements Dma, FrameHolder {
    private final PhysicalMemory memory;
    private long maps;
    private long unmaps;
    private long livePages;
    private long stalePages;
    private long firstStaleNanos;

    OffDma(PhysicalMemory memory) {
        this.memory = memory;
        memory.addHolder(this);
    }

    @Override
    public void offer(ReturnedFrames frames) {
        // Every device reaches everything, always: to keep the pages would help nobody.
    }

    @Override
    public MemoryReport.Service account() {
        return new MemoryReport.Service(
                "this driver", Strategy.OFF, Math.max(0, maps - unmaps), Math.max(0, livePages));
    }

    @Override
    public DmaMemory allocate(long lengthBytes) {
        return memory.allocate(lengthBytes);
    }

    @Override
    public DmaMemory allocate(long lengthBytes, PhysicalSegment segment) {
        return memory.allocate(lengthBytes, segment);
    }

    @Override
    public CoherentMemory allocateCoherent(long lengthBytes) {
        DmaMemory allocated = memory.allocate(lengthBytes);
        long iova =
                map(
                        allocated.physicalAddress(),
                        Math.toIntExact(allocated.lengthBytes()),
                        DmaDirection.BIDIRECTIONAL);
        int length = Math.toIntExact(allocated.lengthBytes());
        return new CoherentMemory(allocated, iova, () -> unmap(iova, length));
    }

    @Override
    public long map(long physicalAddress, int lengthBytes, DmaDirection direction) {
        Buffers.require(memory, physicalAddress, lengthBytes);
        maps++;
        livePages += Buffers.pages(physicalAddress, lengthBytes);
        return physicalAddress;
    }

    @Override
    public void unmap(long iova, int lengthBytes) {
        Buffers.require(memory, iova, lengthBytes);
        unmaps++;
        int pages = Buffers.pages(iova, lengthBytes);
        livePages -= pages;
        if (stalePages == 0) {
            firstStaleNanos = System.nanoTime();
        }
        stalePages += pages;
    }

    @Override
    public int mapAll(
            long[] physicalAddresses,
            int[] lengths,
            long[] iovas,
            int count,
            DmaDirection direction) {
        long pages = requirePages(physicalAddresses, lengths, count);
        System.arraycopy(physicalAddresses, 0, iovas, 0, count);
        maps += count;
        livePages += pages;
        return count;
    }

    @Override
    public void unmapAll(long[] iovas, int[] lengths, int count) {
        long pages = requirePages(iovas, lengths, count);
        unmaps += count;
        livePages -= pages;
        if (stalePages == 0 && pages > 0) {
            firstStaleNanos = System.nanoTime();
        }
        stalePages += pages;
    }

    /** The pages under buffers, all of which are this memory. */
    private long requirePages(long[] addresses, int[] lengths, int count) {
        long pages = 0;
        for (int index = 0; index < count; index++) {
            Buffers.require(memory, addresses[index], lengths[index]);
            pages += Buffers.pages(addresses[index], lengths[index]);
        }
        return pages;
    }

    @Override
    public boolean map(ScatterGatherList list, DmaDirection direction) {
        Buffers.require(memory, list);
        for (int piece = 0; piece < list.pieces(); piece++) {
            list.setPieceIova(piece, list.pieceAddress(piece));
        }
        livePages += pages(list);
        list.mapped(this);
        maps++;
        return true;
    }

    private static long pages(ScatterGatherList list) {
        long pages = 0;
        for (int piece = 0; piece < list.pieces(); piece++) {
            pages += Buffers.pages(list.pieceAddress(piece), list.pieceLength(piece));
        }
        return pages;
    }

    @Override
    public void unmap(ScatterGatherList list) {
        list.requireMappedBy(this);
        list.unmapped();
        unmaps++;
        livePages -= pages(list);
        if (stalePages == 0) {
            firstStaleNanos = System.nanoTime();
        }
        stalePages += pages(list);
    }

    @Override
    public void syncForDevice(long iova, int lengthBytes) {
        // The device sees the driver's own memory.
    }

    @Override
    public void syncForCpu(long iova, int lengthBytes) {
        // The device writes the driver's own memory.
    }

    @Override
    public Grant grant(long physicalAddress, long lengthBytes, DmaDirection direction) {
        return Buffers.grantNothing(memory, physicalAddress, lengthBytes, direction);
    }

    @Override
    public void flush() {
        // Nothing remembers a translation, and nothing ever becomes unreachable.
    }

    @Override
    public Strategy strategy() {
        return Strategy.OFF;
    }

    @Override
    public DmaStatistics statistics() {
        long window = stalePages == 0 ? 0 : System.nanoTime() - firstStaleNanos;
        return new DmaStatistics(
                maps, unmaps, 0, 0, maps - unmaps, livePages, stalePages, stalePages, window);
    }

    @Override
    public void close() {
        memory.removeHolder(this);
    }
}
