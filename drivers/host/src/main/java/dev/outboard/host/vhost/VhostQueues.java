package dev.outboard.host.vhost;

import static dev.outboard.uio.WaitPolicy.BLOCK;

import dev.outboard.dma.device.DeviceDomain;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.Doorbell;
import dev.outboard.driver.QueueAddresses;
import dev.outboard.driver.QueueTransport;
import dev.outboard.host.bus.DeviceSetup;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Interrupt;
import dev.outboard.uio.InterruptLine;
import dev.outboard.uio.Resources;
import dev.outboard.uio.vhost.BackEndChannel;
import dev.outboard.uio.vhost.VhostFeatures;
import dev.outboard.uio.vhost.VhostFrontEnd;
import java.util.concurrent.TimeUnit;

/**
 * The queues of a vhost-user device: messages say where they are, eventfds carry doorbells and
 * interrupts. The driver's thread; doorbells and interrupts belong to the threads of their queues.
 */
final class VhostQueues implements QueueTransport, AutoCloseable {
    private static final long ATTACH_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final long OWN_FEATURES =
            VhostFeatures.PROTOCOL_FEATURES | VhostAgreement.ACCESS_PLATFORM;

    /** Sizes of the parts of a split ring (VIRTIO 1.2, section 2.7): flags, index, event. */
    private static final int RING_HEAD_BYTES = 6;

    private static final int DESCRIPTOR_BYTES = 16;
    private static final int AVAILABLE_BYTES = 2;
    private static final int USED_BYTES = 8;

    /** VIRTIO_F_RING_PACKED (VIRTIO 1.2, section 6): one ring, and an event structure each side. */
    private static final long RING_PACKED = 1L << 34;

    private static final int EVENT_BYTES = 4;

    /** Both sides begin at descriptor 0 with a wrap counter of 1: bits 15 and 31. */
    private static final int PACKED_BASE = 0x8000_8000;

    private final VhostLink link;
    private final VhostFrontEnd frontEnd;
    private final DeviceSetup setup;
    private final VhostAgreement agreement;
    private final VhostMemory memory;
    private final VhostQueue[] queues;
    private final DeviceWatcher watcher;
    private Interrupt changes;
    private boolean accepted;
    private boolean packed;

    VhostQueues(
            VhostLink link,
            VhostFrontEnd frontEnd,
            DeviceSetup setup,
            VhostAgreement agreement,
            DeviceWatcher watcher) {
        this.link = link;
        this.frontEnd = frontEnd;
        this.setup = setup;
        this.agreement = agreement;
        this.watcher = watcher;
        memory = new VhostMemory(link, frontEnd, setup);
        this.queues = new VhostQueue[agreement.queues()];
    }

    @Override
    public long offeredFeatures() {
        return setup.known(agreement.features()) & ~OWN_FEATURES;
    }

    @Override
    public void acceptFeatures(long features) {
        if (accepted) {
            throw new IllegalStateException("the features of " + setup.name() + " were accepted");
        }
        if ((features & ~offeredFeatures()) != 0) {
            throw new DeviceException(
                    "device %s does not offer features 0x%x (it offers 0x%x)"
                            .formatted(
                                    setup.name(),
                                    features & ~offeredFeatures(),
                                    offeredFeatures()));
        }
        long all =
                features
                        | (agreement.features() & VhostFeatures.PROTOCOL_FEATURES)
                        | (setup.isTranslated() ? VhostAgreement.ACCESS_PLATFORM : 0);
        link.tell("features", () -> frontEnd.setFeatures(all));
        if (!setup.isTranslated() || setup.isFed()) {
            memory.give();
        }
        if (setup.domain() instanceof DeviceDomain fed) {
            // From here on misses are answered, also while a queue is being started.
            link.tell("a channel for misses", () -> fed.attach(frontEnd, link::fail));
        }
        accepted = true;
        packed = (features & RING_PACKED) != 0;
    }

    @Override
    public int queueCount() {
        return queues.length;
    }

    @Override
    public int maximumEntries(int queue) {
        checkQueue(queue);
        return setup.queueEntries();
    }

    @Override
    public byte[] readConfig(int offset, int length) {
        return agreement.hasConfig()
                ? link.ask("its configuration", () -> frontEnd.readConfig(offset, length))
                : null;
    }

    @Override
    public Interrupt configInterrupt() {
        if (setup.isFed() || !agreement.tellsOfChanges()) {
            return null;
        }
        var name = setup.name() + " configuration";
        changes = Interrupt.open(name, new Changes(), EventDescriptor.create(), BLOCK);
        link.onLost(changes::wake);
        link.tell(
                "a channel for changes",
                () -> watcher.listen(frontEnd.openBackEndChannel(new Heard(changes))));
        return changes;
    }

    /** What a device tells that is asked for no translations. */
    private record Heard(Interrupt changes) implements BackEndChannel.Listener {
        @Override
        public boolean iotlbMissed(long iova, int access) {
            return false;
        }

        @Override
        public void accessFailed(long iova, int access) {
            // Nothing stands before this device that could refuse it.
        }

        @Override
        public void configChanged() {
            // On the watcher's thread, while the driver may be closing: a wake is for any time.
            changes.wake();
        }
    }

    /** Only a message tells of a change, and it is told of at any time. */
    private static final class Changes implements InterruptLine {
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

        @Override
        public boolean tellsOfWork() {
            return false;
        }
    }

    @Override
    public Interrupt interrupt(int queue, InterruptLine line) {
        return queue(queue).claim(line);
    }

    @Override
    public Doorbell start(int queue, QueueAddresses addresses) {
        if (!accepted) {
            throw new IllegalStateException("accept the features of " + setup.name() + " first");
        }
        awaitAttached();
        if (setup.domain() instanceof DeviceDomain fed) {
            push(fed, addresses);
        }
        return queue(queue).start(addresses, packed ? PACKED_BASE : 0, agreement.speaksProtocol());
    }

    /** A device looks for its rings at once; not every one asks for those (QEMU's do not). */
    private void push(DeviceDomain fed, QueueAddresses ring) {
        long entries = ring.entries();
        fed.push(ring.descriptorIova(), entries * DESCRIPTOR_BYTES);
        fed.push(
                ring.availableIova(),
                packed ? EVENT_BYTES : RING_HEAD_BYTES + entries * AVAILABLE_BYTES);
        fed.push(ring.usedIova(), packed ? EVENT_BYTES : RING_HEAD_BYTES + entries * USED_BYTES);
    }

    /** A device must stand behind its IOMMU before it is told of the first IOVA. */
    private void awaitAttached() {
        if (setup.isTranslated() && !setup.domain().awaitAttached(ATTACH_NANOS)) {
            link.checkPresent();
            throw new DeviceException(
                    ("device %s did not attach to the IOMMU in %d s: start it with iommu=PATH,"
                                    + " the path that is given to --iommu here")
                            .formatted(setup.name(), TimeUnit.NANOSECONDS.toSeconds(ATTACH_NANOS)));
        }
    }

    @Override
    public boolean isRestartable() {
        return true;
    }

    @Override
    public void stop(int queue) {
        checkQueue(queue);
        if (queues[queue] != null) {
            queues[queue].stop();
        }
    }

    private VhostQueue queue(int index) {
        checkQueue(index);
        if (queues[index] == null) {
            queues[index] = new VhostQueue(link, frontEnd, setup, index);
        }
        return queues[index];
    }

    private void checkQueue(int queue) {
        if (queue < 0 || queue >= queues.length) {
            throw new DeviceException(
                    "device %s has no queue %d (it has %d)"
                            .formatted(setup.name(), queue, queues.length));
        }
    }

    @Override
    public void close() {
        try (var all = new Resources()) {
            if (setup.domain() instanceof DeviceDomain fed) {
                // Added first, closed last: a queue that is stopped may still miss.
                all.add(fed::detach);
            }
            for (var queue : queues) {
                if (queue != null) {
                    all.add(queue);
                }
            }
            if (changes != null) {
                all.add(changes);
            }
            // First of all: a device that is being closed is told of no change any more.
            all.add(memory);
        }
    }
}
