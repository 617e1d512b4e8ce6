package dev.outboard.host.vhost;

import dev.outboard.dma.Dma;
import dev.outboard.dma.pool.PagePool;
import dev.outboard.dma.pool.PoolStatistics;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.DeviceId;
import dev.outboard.driver.QueueTransport;
import dev.outboard.host.bus.DeviceSetup;
import dev.outboard.host.bus.HostedDevice;
import dev.outboard.host.bus.PagesOnDemand;
import dev.outboard.uio.Interrupt;
import dev.outboard.uio.Registers;
import dev.outboard.uio.Resources;
import dev.outboard.uio.WaitPolicy;
import dev.outboard.uio.vhost.VhostFrontEnd;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * A device in another process, behind a vhost-user socket.
 *
 * <p>The driver's thread owns it; a watcher thread notices when the device goes away. Closing takes
 * every started queue back, so that the device has let go of memory before memory is released, and
 * then disconnects.
 */
final class VhostUserDevice implements HostedDevice {
    /** A device says that it is up only when it listens: this is for one that is very busy. */
    private static final long CONNECT_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    private final DeviceSetup setup;
    private final VhostLink link;
    private final VhostQueues queues;
    private final PagesOnDemand pages;
    private final Resources resources;

    private VhostUserDevice(
            DeviceSetup setup,
            VhostLink link,
            VhostQueues queues,
            PagesOnDemand pages,
            Resources resources) {
        this.setup = setup;
        this.link = link;
        this.queues = queues;
        this.pages = pages;
        this.resources = resources;
    }

    /**
     * Connects, and agrees on everything that is not the driver's business.
     *
     * @throws DeviceException when the device refuses, or lacks what the setup needs
     */
    static VhostUserDevice connect(Path socket, DeviceSetup setup) {
        var link = new VhostLink(setup.name());
        var resources = new Resources();
        try {
            // Closed last: a device that still has a queue may still be given its pages.
            var pages = resources.add(new PagesOnDemand(setup.name(), setup.memory()));
            var frontEnd =
                    resources.add(
                            link.ask(
                                    "connecting",
                                    () -> VhostFrontEnd.connect(socket, CONNECT_NANOS)));
            // Added before the queues, closed after them: stopping a queue still hears a hang-up.
            var watcher =
                    resources.add(
                            DeviceWatcher.start(setup.name(), frontEnd.descriptor(), link::lose));
            var agreement = VhostAgreement.reach(link, frontEnd, setup);
            var queues = resources.add(new VhostQueues(link, frontEnd, setup, agreement, watcher));
            link.opened();
            return new VhostUserDevice(setup, link, queues, pages, resources);
        } catch (RuntimeException e) {
            resources.closeAfter(e);
            throw e;
        }
    }

    @Override
    public String name() {
        return setup.name();
    }

    /** The type is what the driver drives: vhost-user does not tell. */
    @Override
    public DeviceId id() {
        return new DeviceId("virtio", DeviceId.ANY, setup.match().device());
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
        throw new DeviceException(
                "device " + name() + " has queues and no registers: it is behind vhost-user");
    }

    @Override
    public QueueTransport queues() {
        return queues;
    }

    @Override
    public Interrupt interrupt(int vector, BooleanSupplier hasWork) {
        throw new DeviceException(
                "device " + name() + " has an interrupt for each queue and no others");
    }

    @Override
    public boolean isLost() {
        return link.isLost();
    }

    @Override
    public void checkPresent() {
        link.checkPresent();
    }

    @Override
    public void onLost(Runnable listener) {
        link.onLost(listener);
    }

    @Override
    public void close() {
        resources.close();
    }
}
