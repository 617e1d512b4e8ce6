package dev.outboard.dma;

import dev.outboard.iommu.Fault;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;

/** An owner and a device in one process, both driven by the test's thread. */
final class Bench implements AutoCloseable {
    static final long TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(10);

    final PhysicalMemory memory;
    final IommuOwner owner;
    final OwnedDomain domain;
    final IommuAttachment device;
    final DmaWindow window = new DmaWindow();
    final List<Fault> faults = new CopyOnWriteArrayList<>();

    Bench(Path directory, DomainOptions options) {
        this(directory, options, PhysicalMemory.create(4 << 20, 1 << 20));
    }

    /** Takes the memory over. */
    Bench(Path directory, DomainOptions options, PhysicalMemory memory) {
        this.memory = memory;
        owner = IommuOwner.listen(directory.resolve("iommu.sock"));
        domain = (OwnedDomain) owner.claim("nic0", memory, options);
        domain.onFault(faults::add);
        device = IommuAttachment.connect(owner.path(), "nic0", TIMEOUT_NANOS);
    }

    /** Whether the device gets this access, in a section of its own; the window tells to what. */
    boolean reaches(long iova, long lengthBytes, int access) {
        device.enter();
        boolean granted = device.resolve(iova, lengthBytes, access, window);
        device.exit();
        return granted;
    }

    /** The physical address behind the window. */
    long physicalAddress() {
        for (PhysicalSegment segment : memory.segments()) {
            if (segment.lengthBytes() == window.memory.byteSize()) {
                return segment.physicalAddress() + window.offset;
            }
        }
        throw new AssertionError("the window is in no segment");
    }

    /** Waits until so many faults were delivered. */
    List<Fault> awaitFaults(int count) {
        long deadline = System.nanoTime() + TIMEOUT_NANOS;
        while (faults.size() < count && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }
        return faults;
    }

    @Override
    public void close() {
        device.close();
        domain.close();
        owner.close();
        memory.close();
    }
}
