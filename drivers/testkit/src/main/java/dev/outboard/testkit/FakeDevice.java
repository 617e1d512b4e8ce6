package dev.outboard.testkit;

import dev.outboard.dma.Dma;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.pool.PagePool;
import dev.outboard.driver.Device;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.DeviceId;
import dev.outboard.driver.Doorbell;
import dev.outboard.driver.QueueAddresses;
import dev.outboard.driver.QueueTransport;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Interrupt;
import dev.outboard.uio.InterruptLine;
import dev.outboard.uio.Registers;
import dev.outboard.uio.WaitPolicy;
import dev.outboard.virtio.RingFormat;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;

/**
 * A device in the test's own hands: its rings are read and written byte by byte, honestly or not.
 */
public final class FakeDevice implements Device, QueueTransport, AutoCloseable {
    private final PhysicalMemory physical = PhysicalMemory.create(16 << 20);
    private final Dma dma = Dma.off(physical);
    private PagePool pages;
    private LateDma late;
    private final long features;
    private final byte[] config;
    private final int queues;
    private final Map<Integer, RingPeer> rings = new ConcurrentHashMap<>();
    private final Map<Integer, PackedPeer> packedRings = new ConcurrentHashMap<>();
    private final Map<Integer, EventDescriptor> events = new ConcurrentHashMap<>();
    private long accepted;
    private int doorbells;
    private volatile boolean lost;
    private int failingStart = -1;
    private int taken;
    private int queueLimit = 1;
    private boolean tellsOfChanges;
    private Interrupt changes;

    /** A device with these features, configuration (null: none) and number of queues. */
    public FakeDevice(long features, byte[] config, int queues) {
        this.features = features;
        this.config = config;
        this.queues = queues;
    }

    /** The ring of a started queue. */
    public RingPeer ring(int queue) {
        return rings.get(queue);
    }

    /** The ring of a started queue, where packed rings were accepted. */
    public PackedPeer packedRing(int queue) {
        return packedRings.get(queue);
    }

    /** The memory a device reaches. */
    public PhysicalMemory physical() {
        return physical;
    }

    /** What the driver accepted. */
    public long accepted() {
        return accepted;
    }

    /** Doorbells heard. */
    public int doorbells() {
        return doorbells;
    }

    /** Raises a queue's interrupt. */
    public void raise(int queue) {
        events.get(queue).signal();
    }

    /** Goes away. */
    public void vanish() {
        lost = true;
    }

    /**
     * From now on, batches that are unmapped stay reachable until {@link #settle}, as if it were
     * inside a DMA section. To be called before the driver starts.
     */
    public void lingers() {
        late = new LateDma(dma);
        late.linger();
    }

    /** Its mapping service can run short of IOVAs. To be called before the driver starts. */
    public void canRunShort() {
        late = new LateDma(dma);
    }

    /** From now on a batch finds IOVAs for so many buffers only. */
    public void limitBatches(int buffers) {
        late.limit(buffers);
    }

    /** Forgets what was unmapped so far. */
    public void settle() {
        late.settle();
    }

    /** Refuses to start this queue. */
    public void failStartOf(int queue) {
        failingStart = queue;
    }

    /** Its client takes such unfinished frames. To be called before the driver starts. */
    public void clientTakes(int offloads) {
        taken = offloads;
    }

    /** The host wants so many pairs or queues used. To be called before the driver starts. */
    public void limitQueues(int most) {
        queueLimit = most;
    }

    /** It tells of changes of its configuration. To be called before the driver starts. */
    public void tellsOfChanges() {
        tellsOfChanges = true;
    }

    /** Changes a byte of its configuration, and tells of it. */
    public void changeConfig(int offset, int value) {
        config[offset] = (byte) value;
        changes.wake();
    }

    /** Queues that are started now. */
    public int startedQueues() {
        return rings.size() + packedRings.size();
    }

    @Override
    public String name() {
        return "fake0";
    }

    @Override
    public DeviceId id() {
        return DeviceId.unknown("virtio");
    }

    @Override
    public Dma dma() {
        return late == null ? dma : late.dma();
    }

    @Override
    public synchronized PagePool pages() {
        if (pages == null) {
            pages = PagePool.open(physical, name());
        }
        return pages;
    }

    @Override
    public Registers registers(int region) {
        throw new DeviceException("fake0 has no registers");
    }

    @Override
    public QueueTransport queues() {
        return this;
    }

    /** One of the same memory; it lives as long as the device. */
    @Override
    public Dma openDma() {
        return Dma.off(physical);
    }

    @Override
    public int queueLimit() {
        return queueLimit;
    }

    @Override
    public Interrupt configInterrupt() {
        if (tellsOfChanges) {
            changes =
                    Interrupt.open(
                            "fake0 configuration",
                            new Silent(),
                            EventDescriptor.create(),
                            WaitPolicy.BLOCK);
        }
        return changes;
    }

    /** A line that only a wake ends the wait of. */
    private static final class Silent implements InterruptLine {
        @Override
        public boolean unmask() {
            return false;
        }

        @Override
        public void mask() {}

        @Override
        public boolean isPending() {
            return false;
        }
    }

    @Override
    public int receiveOffloads() {
        return taken;
    }

    /** A piece of the memory that it reaches, at a bus address. */
    public MemorySegment memory(long busAddress, long lengthBytes) {
        var segment = physical.segments().getFirst();
        return segment.memory().asSlice(busAddress - segment.physicalAddress(), lengthBytes);
    }

    @Override
    public Interrupt interrupt(int vector, BooleanSupplier hasWork) {
        throw new DeviceException("fake0 has no vectors");
    }

    @Override
    public boolean isLost() {
        return lost;
    }

    @Override
    public long offeredFeatures() {
        return features;
    }

    @Override
    public void acceptFeatures(long wanted) {
        accepted = wanted;
    }

    @Override
    public int queueCount() {
        return queues;
    }

    @Override
    public int maximumEntries(int queue) {
        return 64;
    }

    @Override
    public byte[] readConfig(int offset, int length) {
        return config == null ? null : Arrays.copyOfRange(config, offset, offset + length);
    }

    @Override
    public Interrupt interrupt(int queue, InterruptLine line) {
        var event = EventDescriptor.create();
        events.put(queue, event);
        return Interrupt.open("fake0 queue " + queue, line, event, WaitPolicy.BLOCK);
    }

    @Override
    public boolean isRestartable() {
        return true;
    }

    @Override
    public Doorbell start(int queue, QueueAddresses addresses) {
        if (queue == failingStart) {
            throw new DeviceException("fake0 refuses queue " + queue);
        }
        var segment = physical.segments().getFirst();
        long base = segment.physicalAddress();
        if (RingFormat.of(accepted).packed()) {
            packedRings.put(queue, new PackedPeer(segment.memory(), base, addresses));
        } else {
            rings.put(queue, new RingPeer(segment.memory(), base, addresses));
        }
        return () -> doorbells++;
    }

    @Override
    public void stop(int queue) {
        rings.remove(queue);
        packedRings.remove(queue);
    }

    @Override
    public void close() {
        if (pages != null) {
            pages.close();
        }
        dma.close();
        physical.close();
    }
}
