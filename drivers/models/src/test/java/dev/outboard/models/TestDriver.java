package dev.outboard.models;

import dev.outboard.dma.CoherentMemory;
import dev.outboard.dma.Dma;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.IommuOwner;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.PhysicalSegment;
import dev.outboard.dma.Strategy;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.vhost.MemoryRegion;
import dev.outboard.uio.vhost.VhostFeatures;
import dev.outboard.uio.vhost.VhostFrontEnd;
import dev.outboard.virtio.VirtioFeatures;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A driver's process in a test: front-end, memory, and rings that are written by hand. Everything
 * lies in one coherent block, rings first.
 */
final class TestDriver implements AutoCloseable {
    static final int ENTRIES = 256;
    static final long BLOCK_BYTES = 8 << 20;
    private static final long TIMEOUT_NANOS = 5_000_000_000L;
    private static final long PROTOCOL =
            VhostFeatures.PROTOCOL_CONFIG
                    | VhostFeatures.PROTOCOL_MQ
                    | VhostFeatures.PROTOCOL_REPLY_ACK;

    final PhysicalMemory memory;
    final IommuOwner owner;
    final IommuDomain domain;
    final Dma dma;
    final CoherentMemory block;
    final VhostFrontEnd frontEnd;
    final List<TestRing> rings = new ArrayList<>();
    final List<EventDescriptor> kicks = new ArrayList<>();
    final List<EventDescriptor> calls = new ArrayList<>();

    /** Where the first byte after the rings is, for the device. */
    long dataAddress;

    private TestDriver(Path socket, Path iommu, String name, Strategy strategy) {
        memory = PhysicalMemory.create(2 * BLOCK_BYTES);
        owner = iommu == null ? null : IommuOwner.listen(iommu);
        domain = iommu == null ? null : owner.claim(name, memory, DomainOptions.DEFAULT);
        dma = iommu == null ? Dma.off(memory) : domain.dma(strategy);
        block = dma.allocateCoherent(BLOCK_BYTES);
        dataAddress = block.iova();
        frontEnd = VhostFrontEnd.connect(socket, TIMEOUT_NANOS);
    }

    /** Connects; nothing is negotiated yet. */
    static TestDriver open(Path socket) {
        return new TestDriver(socket, null, null, Strategy.OFF);
    }

    /** Connects to a port behind an IOMMU; nothing is negotiated yet. */
    static TestDriver open(Path socket, Path iommu) {
        return new TestDriver(socket, iommu, socket.getFileName().toString(), Strategy.STRICT);
    }

    boolean isTranslated() {
        return domain != null;
    }

    /** Accepts all that is offered but these, gives the memory, and starts that many queues. */
    TestDriver start(int queues, long refused) {
        negotiate(refused);
        for (int i = 0; i < queues; i++) {
            startQueue(i, ENTRIES);
        }
        return this;
    }

    void negotiate(long refused) {
        long offered = frontEnd.features();
        frontEnd.setProtocolFeatures(frontEnd.protocolFeatures() & PROTOCOL);
        frontEnd.setOwner();
        long accepted = offered & ~refused;
        if (!isTranslated()) {
            accepted &= ~VirtioFeatures.ACCESS_PLATFORM;
        }
        frontEnd.setFeatures(accepted);
        if (!isTranslated()) {
            frontEnd.setMemoryTable(regions());
        }
    }

    List<MemoryRegion> regions() {
        return memory.segments().stream().map(TestDriver::region).toList();
    }

    private static MemoryRegion region(PhysicalSegment segment) {
        return new MemoryRegion(
                segment.physicalAddress(),
                segment.lengthBytes(),
                segment.physicalAddress() + 0x7000_0000_0000L,
                0,
                segment.descriptor());
    }

    /** Rings are named by user address without an IOMMU, by IOVA with one. */
    long vringAddress(long busAddress) {
        return isTranslated() ? busAddress : busAddress + 0x7000_0000_0000L;
    }

    void startQueue(int index, int entries) {
        var ring = new TestRing(block.memory(), this::offset, dataAddress, entries);
        dataAddress += TestRing.bytes(entries);
        rings.add(ring);
        kicks.add(EventDescriptor.create());
        calls.add(EventDescriptor.create());
        frontEnd.setVringSize(index, entries);
        frontEnd.setVringBase(index, 0);
        frontEnd.setVringAddresses(
                index,
                vringAddress(ring.address),
                vringAddress(ring.usedAddress),
                vringAddress(ring.availableAddress));
        frontEnd.setVringCall(index, calls.get(index));
        frontEnd.setVringKick(index, kicks.get(index));
        frontEnd.setVringEnabled(index, true);
    }

    /** Where a bus address is in the block. */
    long offset(long address) {
        return address - block.iova();
    }

    MemorySegment bytes(long address, long length) {
        return block.memory().asSlice(offset(address), length);
    }

    /** Shows what was offered on a queue, and rings if the device wants it. */
    void publish(int queue, int before) {
        if (rings.get(queue).publish(true, before)) {
            kicks.get(queue).signal();
        }
    }

    /** Waits for the next completion of a queue. */
    void awaitUsed(int queue) {
        Await.until("a completion on queue " + queue, rings.get(queue)::take);
    }

    /** The front-end goes away, as with its process; memory is kept to look at. */
    void hangUp() {
        frontEnd.close();
    }

    @Override
    public void close() {
        frontEnd.close();
        kicks.forEach(EventDescriptor::close);
        calls.forEach(EventDescriptor::close);
        block.close();
        dma.close();
        if (domain != null) {
            domain.close();
            owner.close();
        }
        memory.close();
    }
}
