package dev.outboard.dma;

import dev.outboard.iommu.Access;
import java.nio.file.Path;

/** The table in the driver's own process. Memory that comes is a segment, and must be unmapped. */
final class TableHolder implements Holder {
    private static final long LENT_ADDRESS = PhysicalMemory.FIRST_ADDRESS + (1 << 30);

    private final Bench bench;
    private PhysicalMemory lent;

    TableHolder(Path directory, DomainOptions options, long lengthBytes) {
        bench = new Bench(directory, options, PhysicalMemory.create(lengthBytes));
    }

    @Override
    public IommuDomain domain() {
        return bench.domain;
    }

    @Override
    public PhysicalMemory memory() {
        return bench.memory;
    }

    @Override
    public void settle() {
        // The device walks the table.
    }

    @Override
    public long reach(long iova, int access) {
        if (!bench.reaches(iova, 1, access)) {
            return -1;
        }
        boolean isLent = bench.window.memory.byteSize() == LENT_BYTES;
        return isLent ? LENT_ADDRESS + bench.window.offset : bench.physicalAddress();
    }

    @Override
    public long lend() {
        lent = PhysicalMemory.createAt(LENT_ADDRESS, LENT_BYTES);
        move(bench.domain.beginAdd(segment()));
        bench.memory.addGranted(LENT_ADDRESS, LENT_BYTES, Access.READ_WRITE);
        return LENT_ADDRESS;
    }

    private PhysicalSegment segment() {
        return lent.segments().getFirst();
    }

    private void move(SegmentMove move) {
        while (!move.isDone()) {
            bench.device.receive();
        }
    }

    @Override
    public void takeBack() {
        bench.memory.removeGranted(LENT_ADDRESS, LENT_BYTES);
        move(bench.domain.beginRemove(segment()));
        lent.close();
    }

    @Override
    public boolean revokes() {
        return false;
    }

    @Override
    public void close() {
        bench.close();
    }
}
