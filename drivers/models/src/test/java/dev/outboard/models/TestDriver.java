package dev.outboard.models;

import dev.outboard.dma.CoherentMemory;
import dev.outboard.dma.Dma;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.IommuOwner;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.PhysicalSegment;
import dev.outboard.dma.Strategy;
import dev.outboard.dma.device.DeviceDomain;
import dev.outboard.dma.device.DeviceDomains;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.vhost.MemoryRegion;
import dev.outboard.uio.vhost.VhostFeatures;
import dev.outboard.uio.vhost.VhostFrontEnd;
import dev.outboard.virtio.PackedRingDescriptor;
import dev.outboard.virtio.VirtioFeatures;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

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
                    | VhostFeatures.PROTOCOL_REPLY_ACK
                    | VhostFeatures.PROTOCOL_CONFIGURE_MEM_SLOTS;

    final PhysicalMemory memory;
    final IommuOwner owner;
    final DeviceDomains fed;
    final IommuDomain domain;
    final Dma dma;
    final CoherentMemory block;
    final VhostFrontEnd frontEnd;
    final List<TestRing> rings = new ArrayList<>();
    final List<EventDescriptor> kicks = new ArrayList<>();
    final List<EventDescriptor> calls = new ArrayList<>();
    final List<RuntimeException> failures = new CopyOnWriteArrayList<>();

    /** What is accepted only if it is wanted: rings are split and by hand, else. */
    private static final long CHOICES =
            VirtioFeatures.RING_PACKED
                    | VirtioFeatures.IN_ORDER
                    | VirtioFeatures.NET_CSUM
                    | VirtioFeatures.NET_GUEST_CSUM
                    | VirtioFeatures.NET_CTRL_GUEST_OFFLOADS
                    | VirtioFeatures.NET_GUEST_TSO4
                    | VirtioFeatures.NET_GUEST_TSO6
                    | VirtioFeatures.NET_GUEST_ECN
                    | VirtioFeatures.NET_HOST_TSO4
                    | VirtioFeatures.NET_HOST_TSO6
                    | VirtioFeatures.NET_HOST_ECN
                    | VirtioFeatures.NET_MRG_RXBUF
                    | VirtioFeatures.NET_CTRL_VQ
                    | VirtioFeatures.NET_CTRL_RX
                    | VirtioFeatures.NET_CTRL_VLAN
                    | VirtioFeatures.NET_CTRL_RX_EXTRA
                    | VirtioFeatures.NET_GUEST_ANNOUNCE
                    | VirtioFeatures.NET_MQ
                    | VirtioFeatures.NET_CTRL_MAC_ADDR
                    | VirtioFeatures.NET_GUEST_USO4
                    | VirtioFeatures.NET_GUEST_USO6
                    | VirtioFeatures.NET_HOST_USO;

    /** Where the first byte after the rings is, for the device. */
    long dataAddress;

    private final boolean asked;
    private boolean pushesRings;
    private boolean listens;
    private long wanted;

    private TestDriver(Path socket, Path iommu, String name, Strategy strategy) {
        memory = PhysicalMemory.create(2 * BLOCK_BYTES);
        fed = null;
        asked = false;
        owner = iommu == null ? null : IommuOwner.listen(iommu);
        domain = iommu == null ? null : owner.claim(name, memory, DomainOptions.DEFAULT);
        dma = iommu == null ? Dma.off(memory) : domain.dma(strategy);
        block = dma.allocateCoherent(BLOCK_BYTES);
        dataAddress = block.iova();
        frontEnd = VhostFrontEnd.connect(socket, TIMEOUT_NANOS);
    }

    /**
     * A device that asks: fed by a domain with that strategy, or, without one, by whoever holds the
     * back-end channel, and then an IOVA is a physical address.
     */
    private TestDriver(Path socket, Strategy strategy) {
        owner = null;
        asked = true;
        if (strategy == null) {
            fed = null;
            memory = PhysicalMemory.create(2 * BLOCK_BYTES);
            domain = null;
            dma = Dma.off(memory);
        } else {
            fed = new DeviceDomains();
            memory = fed.memory(2 * BLOCK_BYTES);
            domain = fed.claim("fed", memory, DomainOptions.DEFAULT.withTableEntries(16384));
            dma = domain.dma(strategy);
        }
        block = dma.allocateCoherent(BLOCK_BYTES);
        dataAddress = block.iova();
        frontEnd = VhostFrontEnd.connect(socket, TIMEOUT_NANOS);
    }

    /** Connects to a port that will ask for translations; nothing is negotiated yet. */
    static TestDriver openFed(Path socket, Strategy strategy) {
        return new TestDriver(socket, strategy);
    }

    /** The same, where the test answers. */
    static TestDriver openAsked(Path socket) {
        return new TestDriver(socket, null);
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
        return asked || domain != null;
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
        negotiateWithoutMemory(refused);
        if (owner == null) {
            frontEnd.setMemoryTable(regions());
        }
        if (fed != null) {
            ((DeviceDomain) domain).attach(frontEnd, failures::add);
        }
    }

    /** Accepts all that is offered but these. */
    void negotiateWithoutMemory(long refused) {
        long offered = frontEnd.features();
        frontEnd.setProtocolFeatures(
                frontEnd.protocolFeatures()
                        & (asked || listens
                                ? PROTOCOL | VhostFeatures.PROTOCOL_BACKEND_REQ
                                : PROTOCOL));
        frontEnd.setOwner();
        long accepted = offered & ~refused & ~(CHOICES & ~wanted);
        if (!isTranslated()) {
            accepted &= ~VirtioFeatures.ACCESS_PLATFORM;
        }
        frontEnd.setFeatures(accepted);
    }

    List<MemoryRegion> regions() {
        return memory.segments().stream().map(this::region).toList();
    }

    private MemoryRegion region(PhysicalSegment segment) {
        return new MemoryRegion(
                segment.physicalAddress(),
                segment.lengthBytes(),
                userAddress(segment.physicalAddress()),
                0,
                segment.descriptor());
    }

    /** A domain that feeds names physical addresses. */
    long userAddress(long physicalAddress) {
        return fed == null ? physicalAddress + 0x7000_0000_0000L : physicalAddress;
    }

    /** Rings are named by user address without an IOMMU, by IOVA with one. */
    long vringAddress(long busAddress) {
        return isTranslated() ? busAddress : busAddress + 0x7000_0000_0000L;
    }

    /** Accepts these too, of what a driver has to choose. */
    TestDriver wanting(long choices) {
        wanted = choices;
        return this;
    }

    /** Accepts everything but packed rings and in-order: of a disk, the bits mean others. */
    TestDriver wantingAll() {
        return wanting(~(VirtioFeatures.RING_PACKED | VirtioFeatures.IN_ORDER));
    }

    /** Accepts that the device may tell things. */
    TestDriver listening() {
        listens = true;
        return this;
    }

    /** The device is given its rings before it asks, as our drivers do. */
    TestDriver pushingRings() {
        pushesRings = true;
        return this;
    }

    void startQueue(int index, int entries) {
        var ring = new TestRing(block.memory(), this::offset, dataAddress, entries);
        if (pushesRings) {
            ((DeviceDomain) domain).push(ring.address, TestRing.bytes(entries));
        }
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

    /** Starts a queue with a packed ring, which is not one of {@link #rings}. */
    PackedTestRing startPackedQueue(int index, int entries) {
        var ring = new PackedTestRing(block.memory(), this::offset, dataAddress, entries);
        dataAddress = ring.deviceEventAddress + 4096;
        kicks.add(EventDescriptor.create());
        calls.add(EventDescriptor.create());
        frontEnd.setVringSize(index, entries);
        frontEnd.setVringBase(index, PackedRingDescriptor.WRAP * 0x10001);
        frontEnd.setVringAddresses(
                index,
                vringAddress(ring.address),
                vringAddress(ring.deviceEventAddress),
                vringAddress(ring.driverEventAddress));
        frontEnd.setVringCall(index, calls.get(index));
        frontEnd.setVringKick(index, kicks.get(index));
        frontEnd.setVringEnabled(index, true);
        return ring;
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
        if (fed != null) {
            ((DeviceDomain) domain).detach();
        }
        frontEnd.close();
        kicks.forEach(EventDescriptor::close);
        calls.forEach(EventDescriptor::close);
        block.close();
        dma.close();
        if (domain != null) {
            domain.close();
        }
        if (owner != null) {
            owner.close();
        }
        if (fed != null) {
            fed.close();
        }
        memory.close();
    }
}
