package dev.outboard.host.pci;

import dev.outboard.dma.Dma;
import dev.outboard.dma.pool.PagePool;
import dev.outboard.dma.pool.PoolStatistics;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.DeviceId;
import dev.outboard.driver.DeviceLostException;
import dev.outboard.driver.QueueTransport;
import dev.outboard.host.bus.DeviceSetup;
import dev.outboard.host.bus.HostedDevice;
import dev.outboard.host.bus.PagesOnDemand;
import dev.outboard.uio.Interrupt;
import dev.outboard.uio.InterruptLine;
import dev.outboard.uio.Registers;
import dev.outboard.uio.Resources;
import dev.outboard.uio.WaitPolicy;
import dev.outboard.uio.pci.PciFunction;
import dev.outboard.uio.pci.PciIdentity;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * A PCI function as its driver sees it. Owned by the driver's thread; {@link #lose} may come from
 * any.
 */
public final class PciDevice implements HostedDevice {
    private static final int VIRTIO_VENDOR = 0x1af4;
    private static final int FIRST_VIRTIO = 0x1040;
    private static final int END_OF_VIRTIO = 0x1080;

    private final DeviceSetup setup;
    private final PciFunction function;
    private final DeviceId id;
    private final Resources resources = new Resources();
    private final List<Runnable> listeners = new ArrayList<>();
    private final PagesOnDemand pages;
    private final PciVectors vectors;
    private final boolean isBehindIommu;
    private VirtioPciQueues queues;
    private boolean closed;

    /** Written before {@link #lost}, which publishes it. */
    private String lossReason;

    private volatile boolean lost;

    /** A device that stands on nothing but its function. */
    public PciDevice(DeviceSetup setup, PciFunction function) {
        this(setup, function, () -> {}, setup.isTranslated());
    }

    /**
     * @param function closed with this, also if this fails
     * @param ground closed after the function, also if this fails: what gives it memory
     * @param isBehindIommu whether its addresses are IOVAs, whatever the strategy
     */
    PciDevice(
            DeviceSetup setup, PciFunction function, AutoCloseable ground, boolean isBehindIommu) {
        this.setup = setup;
        this.isBehindIommu = isBehindIommu;
        // Closed last: no device is left that reaches a page of it.
        pages = resources.add(new PagesOnDemand(setup.name(), setup.memory()));
        resources.add(ground);
        this.function = resources.add(function);
        try {
            vectors = resources.add(new PciVectors(setup.name(), function, setup.waiting()));
            id = id(PciIdentity.of(function.configuration()));
            function.allowDma(true);
        } catch (RuntimeException failure) {
            resources.closeAfter(failure);
            throw failure;
        }
    }

    /** What a driver matches, of what the function says that it is. */
    static DeviceId id(PciIdentity identity) {
        boolean isVirtio =
                identity.vendor() == VIRTIO_VENDOR
                        && identity.device() >= FIRST_VIRTIO
                        && identity.device() < END_OF_VIRTIO;
        return isVirtio
                ? new DeviceId("virtio", DeviceId.ANY, identity.device() - FIRST_VIRTIO)
                : new DeviceId("pci", identity.vendor(), identity.device(), identity.classCode());
    }

    @Override
    public String name() {
        return setup.name();
    }

    @Override
    public DeviceId id() {
        return id;
    }

    @Override
    public Dma dma() {
        return setup.services().main();
    }

    @Override
    public Dma openDma() {
        return setup.services().open();
    }

    @Override
    public int queueLimit() {
        return setup.queues();
    }

    @Override
    public int receiveOffloads() {
        return setup.receiveOffloads();
    }

    @Override
    public WaitPolicy waiting() {
        return setup.waiting();
    }

    @Override
    public boolean isPolled() {
        return setup.waiting().isPolling();
    }

    @Override
    public PagePool pages() {
        return pages.pool();
    }

    @Override
    public PoolStatistics poolStatistics() {
        return pages.statistics();
    }

    @Override
    public Registers registers(int region) {
        try {
            return function.region(region);
        } catch (IllegalArgumentException none) {
            throw new DeviceException(none.getMessage(), none);
        }
    }

    @Override
    public QueueTransport queues() {
        if (!id.family().equals("virtio")) {
            throw new DeviceException(
                    "device %s (%s) has registers, and no queues that this host knows"
                            .formatted(name(), function.name()));
        }
        if (queues == null) {
            queues = resources.add(new VirtioPciQueues(this, function, setup));
        }
        return queues;
    }

    @Override
    public Interrupt interrupt(int vector, BooleanSupplier hasWork) {
        return interrupt(vector, new MessageLine(hasWork, true));
    }

    @Override
    public Interrupt interrupt(int vector) {
        return interrupt(vector, new MessageLine(() -> false, false));
    }

    @Override
    public int vectors() {
        return vectors.count();
    }

    @Override
    public Interrupt interrupt(int vector, InterruptLine line) {
        return vectors.claim(vector, line);
    }

    /** Whether its vector is a line, for all that it has to say. */
    boolean hasLine() {
        return function.isLine();
    }

    /** Whether its addresses are IOVAs. */
    boolean isBehindIommu() {
        return isBehindIommu;
    }

    @Override
    public boolean isLost() {
        return lost;
    }

    /** The function has gone. Any thread; again does nothing. */
    public void lose() {
        lose(null);
    }

    /**
     * The same.
     *
     * @param why in a clause, or null where nobody knows
     */
    void lose(String why) {
        List<Runnable> told;
        synchronized (this) {
            if (lost) {
                return;
            }
            lossReason = why;
            lost = true;
            told = List.copyOf(listeners);
        }
        vectors.wake();
        told.forEach(Runnable::run);
    }

    @Override
    public void checkPresent() {
        if (lost) {
            throw lossReason == null
                    ? new DeviceLostException(name())
                    : new DeviceLostException(name(), lossReason);
        }
    }

    @Override
    public void onLost(Runnable listener) {
        synchronized (this) {
            if (!lost) {
                listeners.add(listener);
                return;
            }
        }
        listener.run();
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            resources.close();
        }
    }

    /** A vector that is a message: it comes once for each event, and needs no mask. */
    private record MessageLine(BooleanSupplier hasWork, boolean tellsOfWork)
            implements InterruptLine {
        @Override
        public boolean unmask() {
            return hasWork.getAsBoolean();
        }

        @Override
        public void mask() {
            // Nothing to do: a message that nobody waits for stays in the event.
        }

        @Override
        public boolean isPending() {
            return hasWork.getAsBoolean();
        }
    }
}
