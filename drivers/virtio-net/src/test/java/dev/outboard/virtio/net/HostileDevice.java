package dev.outboard.virtio.net;

import dev.outboard.dma.Dma;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.pool.PagePool;
import dev.outboard.driver.Device;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.DeviceId;
import dev.outboard.driver.Doorbell;
import dev.outboard.driver.QueueAddresses;
import dev.outboard.driver.QueueTransport;
import dev.outboard.driver.net.FrameOffload;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Interrupt;
import dev.outboard.uio.InterruptLine;
import dev.outboard.uio.Registers;
import dev.outboard.uio.WaitPolicy;
import dev.outboard.virtio.RingFormat;
import dev.outboard.virtio.VirtioFeatures;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;

/** A network device that lies about everything: features, configuration, and all of its rings. */
final class HostileDevice implements Device, QueueTransport {
    private static final int MOST_QUEUES = 7;

    /** As often it lies to who waits for the answer to a command; then it goes away. */
    private static final int MOST_ANSWERS = 200;

    private final PhysicalMemory physical;
    private final Dma dma;
    private final SplittableRandom random;
    private final long offered;
    private final byte[] config;
    private final int entries;
    private final HostileRing[] rings = new HostileRing[MOST_QUEUES];
    private int queues;
    private long accepted;
    private boolean isGone;

    /**
     * @param format the rings that it offers; everything else is up to chance
     */
    HostileDevice(PhysicalMemory physical, Dma dma, RingFormat format, SplittableRandom random) {
        this.physical = physical;
        this.dma = dma;
        this.random = random;
        // Bits that no one knows are among them.
        long rest = random.nextBoolean() ? random.nextLong() : ~VirtioFeatures.NET_MRG_RXBUF;
        offered = rest & ~RingFormat.FEATURES | VirtioFeatures.VERSION_1 | format.features();
        config = random.nextInt(4) == 0 ? null : new byte[64];
        if (config != null) {
            random.nextBytes(config);
        }
        queues = random.nextInt(8) == 0 ? random.nextInt(MOST_QUEUES + 1) : 3;
        entries = 1 << random.nextInt(7);
    }

    /** One act on one of its rings. */
    void act() {
        var ring = rings[random.nextInt(2)];
        if (ring != null) {
            ring.act();
        }
    }

    long mutations() {
        return Arrays.stream(rings).mapToLong(r -> r == null ? 0 : r.mutations()).sum();
    }

    @Override
    public String name() {
        return "hostile0";
    }

    @Override
    public DeviceId id() {
        return DeviceId.unknown("virtio");
    }

    @Override
    public Dma dma() {
        return dma;
    }

    @Override
    public int receiveOffloads() {
        return FrameOffload.UNSUMMED | FrameOffload.MERGED_IPV4 | FrameOffload.MERGED_IPV6;
    }

    @Override
    public PagePool pages() {
        throw new DeviceException("hostile0 has no pages to spare");
    }

    @Override
    public Registers registers(int region) {
        throw new DeviceException("hostile0 has no registers");
    }

    @Override
    public QueueTransport queues() {
        return this;
    }

    @Override
    public Interrupt interrupt(int vector, BooleanSupplier hasWork) {
        throw new DeviceException("hostile0 has no vectors");
    }

    @Override
    public boolean isLost() {
        return isGone;
    }

    @Override
    public long offeredFeatures() {
        return offered;
    }

    @Override
    public void acceptFeatures(long features) {
        accepted = features;
    }

    @Override
    public int queueCount() {
        return queues;
    }

    @Override
    public int maximumEntries(int queue) {
        return entries;
    }

    @Override
    public byte[] readConfig(int offset, int length) {
        return config == null ? null : Arrays.copyOfRange(config, offset, offset + length);
    }

    @Override
    public Interrupt interrupt(int queue, InterruptLine line) {
        // Who gives a command waits for its answer: at every look there is one more lie.
        boolean isControl = queue >= 2;
        return Interrupt.open(
                "hostile0 queue " + queue,
                isControl ? new Answering(line, queue) : line,
                EventDescriptor.create(),
                isControl ? WaitPolicy.SPIN : WaitPolicy.BLOCK);
    }

    /** A line on which something happens while one waits. */
    private final class Answering implements InterruptLine {
        private final InterruptLine line;
        private final int queue;
        private int answers;

        Answering(InterruptLine line, int queue) {
            this.line = line;
            this.queue = queue;
        }

        @Override
        public boolean isPending() {
            if (rings[queue] != null) {
                rings[queue].act();
            }
            answers++;
            if (answers % MOST_ANSWERS == 0) {
                isGone = true;
                // Ends the wait, to see that it is gone.
                return true;
            }
            return line.isPending();
        }

        @Override
        public boolean unmask() {
            return line.unmask();
        }

        @Override
        public void mask() {
            line.mask();
        }
    }

    @Override
    public Doorbell start(int queue, QueueAddresses addresses) {
        var segment = physical.segments().getFirst();
        var ring =
                new HostileRing(
                        segment.memory(),
                        segment.physicalAddress(),
                        addresses,
                        RingFormat.of(accepted),
                        random);
        rings[queue] = ring;
        return () -> {};
    }

    @Override
    public void stop(int queue) {
        // Mutations stay counted; nothing acts on it any more once the session is closed.
    }
}
