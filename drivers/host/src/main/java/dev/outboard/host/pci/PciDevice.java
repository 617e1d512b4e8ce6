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
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Interrupt;
import dev.outboard.uio.InterruptLine;
import dev.outboard.uio.Registers;
import dev.outboard.uio.Resources;
import dev.outboard.uio.pci.PciFunction;
import dev.outboard.uio.pci.PciIdentity;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * A PCI function as its driver sees it. Owned by the driver's thread; {@link #lose} may come from
 * any.
 */
final class PciDevice implements HostedDevice {
    private static final int VIRTIO_VENDOR = 0x1af4;
    private static final int FIRST_VIRTIO = 0x1040;
    private static final int END_OF_VIRTIO = 0x1080;

    /** Vectors that are set up for a function that has more. */
    private static final int MOST_VECTORS = 33;

    private final DeviceSetup setup;
    private final PciFunction function;
    private final DeviceId id;
    private final Resources resources = new Resources();
    private final List<Runnable> listeners = new ArrayList<>();
    private final List<Interrupt> claimed = new ArrayList<>();
    private final PagesOnDemand pages;
    private List<EventDescriptor> events = List.of();
    private VirtioPciQueues queues;
    private boolean closed;
    private volatile boolean lost;

    /**
     * @param function closed with this, also if this fails
     */
    PciDevice(DeviceSetup setup, PciFunction function) {
        this.setup = setup;
        // Closed last: no device is left that reaches a page of it.
        pages = resources.add(new PagesOnDemand(setup.name(), setup.memory()));
        this.function = resources.add(function);
        try {
            id = identify();
            function.allowDma(true);
        } catch (RuntimeException failure) {
            resources.closeAfter(failure);
            throw failure;
        }
    }

    private DeviceId identify() {
        PciIdentity identity = PciIdentity.of(function.configuration());
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
        return interrupt(vector, new MessageLine(hasWork));
    }

    @Override
    public int vectors() {
        return Math.min(MOST_VECTORS, function.maximumVectors());
    }

    @Override
    public Interrupt interrupt(int vector, InterruptLine line) {
        if (events.isEmpty()) {
            signal();
        }
        if (vector < 0 || vector >= events.size()) {
            throw new DeviceException(
                    "device %s has no interrupt vector %d: it has %d"
                            .formatted(name(), vector, events.size()));
        }
        EventDescriptor own = EventDescriptor.adopt(events.get(vector).descriptor().duplicate());
        Interrupt interrupt =
                Interrupt.open(name() + " vector " + vector, line, own, setup.waiting());
        synchronized (this) {
            claimed.add(interrupt);
        }
        return interrupt;
    }

    private void signal() {
        List<EventDescriptor> made = new ArrayList<>();
        int count = vectors();
        for (int vector = 0; vector < count; vector++) {
            made.add(resources.add(EventDescriptor.create()));
        }
        function.signal(made);
        events = List.copyOf(made);
        // Before the events are closed nobody signals them any more.
        resources.add(() -> function.signal(List.of()));
    }

    @Override
    public boolean isLost() {
        return lost;
    }

    /** The function has gone. Any thread; again does nothing. */
    void lose() {
        List<Runnable> told;
        List<Interrupt> woken;
        synchronized (this) {
            if (lost) {
                return;
            }
            lost = true;
            told = List.copyOf(listeners);
            woken = List.copyOf(claimed);
        }
        woken.forEach(Interrupt::wake);
        told.forEach(Runnable::run);
    }

    @Override
    public void checkPresent() {
        if (lost) {
            throw new DeviceLostException(name());
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
    private record MessageLine(BooleanSupplier hasWork) implements InterruptLine {
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
