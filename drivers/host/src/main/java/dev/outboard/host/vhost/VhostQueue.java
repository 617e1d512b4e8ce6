package dev.outboard.host.vhost;

import dev.outboard.driver.DeviceException;
import dev.outboard.driver.DeviceLostException;
import dev.outboard.driver.Doorbell;
import dev.outboard.driver.QueueAddresses;
import dev.outboard.host.bus.DeviceSetup;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Interrupt;
import dev.outboard.uio.InterruptLine;
import dev.outboard.uio.Resources;
import dev.outboard.uio.vhost.VhostFrontEnd;

/** One queue of a vhost-user device, with its doorbell and its interrupt. The driver's thread. */
final class VhostQueue implements AutoCloseable {
    private final VhostLink link;
    private final VhostFrontEnd frontEnd;
    private final DeviceSetup setup;
    private final int index;
    private final Resources resources = new Resources();
    private final EventDescriptor kick;
    private EventDescriptor call;
    private boolean started;

    VhostQueue(VhostLink link, VhostFrontEnd frontEnd, DeviceSetup setup, int index) {
        this.link = link;
        this.frontEnd = frontEnd;
        this.setup = setup;
        this.index = index;
        kick = resources.add(EventDescriptor.create());
    }

    /** The interrupt owns its event; a driver that closed one may claim again. */
    Interrupt claim(InterruptLine line) {
        call = EventDescriptor.create();
        var name = setup.name() + " queue " + index;
        var interrupt = resources.add(Interrupt.open(name, line, call, setup.waiting()));
        link.onLost(interrupt::wake);
        return interrupt;
    }

    /**
     * The ring starts when the doorbell arrives, so that comes after everything it needs.
     *
     * @param base where in the ring both sides begin
     */
    Doorbell start(QueueAddresses addresses, int base, boolean enable) {
        if (started) {
            throw new IllegalStateException(
                    "queue " + index + " of " + setup.name() + " is started");
        }
        if (call == null) {
            throw new IllegalStateException(
                    "claim the interrupt of queue " + index + " of " + setup.name() + " first");
        }
        if (addresses.entries() > setup.queueEntries()) {
            throw new DeviceException(
                    "queue %d of %s has at most %d entries, not %d"
                            .formatted(
                                    index,
                                    setup.name(),
                                    setup.queueEntries(),
                                    addresses.entries()));
        }
        link.tell("queue " + index, () -> send(addresses, base, enable));
        started = true;
        return kick::signal;
    }

    private void send(QueueAddresses addresses, int base, boolean enable) {
        frontEnd.setVringCall(index, call);
        frontEnd.setVringSize(index, addresses.entries());
        frontEnd.setVringBase(index, base);
        frontEnd.setVringAddresses(
                index, addresses.descriptorIova(), addresses.usedIova(), addresses.availableIova());
        frontEnd.setVringKick(index, kick);
        if (enable) {
            frontEnd.setVringEnabled(index, true);
        }
    }

    /** When this returns the device has let go of the queue, or is gone. */
    void stop() {
        if (!started) {
            return;
        }
        started = false;
        try {
            link.tell("to stop queue " + index, () -> frontEnd.stopVring(index));
        } catch (DeviceLostException e) {
            // Gone, and with it every use of the queue: that is all that was asked.
        }
    }

    @Override
    public void close() {
        try (resources) {
            stop();
        }
    }
}
