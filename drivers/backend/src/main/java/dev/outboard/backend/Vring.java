package dev.outboard.backend;

import dev.outboard.backend.loop.DeviceLoop;
import dev.outboard.dma.BusMaster;
import dev.outboard.uio.Epoll;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.vhost.MemoryRegion;
import dev.outboard.uio.vhost.VhostProtocolException;

/**
 * One queue of a session: what the front-end said of it, its descriptors, and the ring once it
 * runs. Owns the descriptors. The loop's thread.
 */
public final class Vring implements AutoCloseable {
    /**
     * How often work on one request may wait for a translation: a request that needs more at once
     * than an IOTLB holds would do so for ever.
     */
    private static final int MOST_AWAITS = 1 << 16;

    private static final String DESCRIPTORS = "descriptor table";
    private static final String AVAILABLE = "available ring";
    private static final String USED = "used ring";
    private static final String DRIVER_EVENT = "driver's event suppression";
    private static final String DEVICE_EVENT = "device's event suppression";

    private final DeviceLoop loop;
    private DeviceQueue queue;
    private boolean packed;
    private int entries;
    private int base;
    private boolean addressed;
    private long descriptorsAddress;
    private long availableAddress;
    private long usedAddress;
    private boolean enabled;
    private boolean started;
    private boolean signalWanted;
    private boolean awaiting;
    private long awaitedChanges;
    private int awaits;
    private int awaitingPosition;
    private EventDescriptor kick;
    private int kickToken;
    private EventDescriptor call;
    private EventDescriptor error;

    public Vring(DeviceLoop loop, String name) {
        this.loop = loop;
        queue = new SplitDeviceQueue(name);
    }

    /** The ring; only to be worked on while {@link #isRunning}, another where one starts anew. */
    public DeviceQueue queue() {
        return queue;
    }

    /** Whether there may be work. */
    public boolean isRunning() {
        return started && enabled;
    }

    /**
     * Whether there may be work that can be done: none while it waits for a translation.
     *
     * @param changes how often the session's translations have changed
     */
    public boolean isReady(long changes) {
        return isRunning() && !(awaiting && awaitedChanges == changes);
    }

    /** Work on the queue has to wait until translations have changed. */
    public void await(long changes) {
        int position = queue.position();
        awaits = awaiting && position == awaitingPosition ? awaits + 1 : 0;
        if (awaits == MOST_AWAITS) {
            throw new RingException(
                    queue, "a request needs more translations at once than the device can know");
        }
        awaiting = true;
        awaitingPosition = position;
        awaitedChanges = changes;
    }

    public boolean isStarted() {
        return started;
    }

    /** Whether the front-end rings no doorbell and wants to be looked after. */
    public boolean isPolled() {
        return isRunning() && kick == null;
    }

    public void size(int newEntries) {
        requireStopped("size");
        entries = newEntries;
    }

    public void base(int newBase) {
        requireStopped("base");
        base = newBase;
    }

    private void requireStopped(String what) {
        if (started) {
            throw new VhostProtocolException(
                    queue.name() + " runs: stop it before its " + what + " is set");
        }
    }

    /** Ring addresses as the front-end names them; a running ring goes on there. */
    public void addresses(long descriptors, long used, long available, BusMaster bus) {
        descriptorsAddress = descriptors;
        usedAddress = used;
        availableAddress = available;
        addressed = true;
        if (started) {
            move(bus);
        }
    }

    public void enabled(boolean newEnabled) {
        enabled = newEnabled;
    }

    /** The doorbell came: the ring starts (vhost-user, "Ring states"). */
    public void start(EventDescriptor newKick, BusMaster bus, long features) {
        replaceKick(newKick);
        if (started) {
            return;
        }
        if (bus == null) {
            throw new VhostProtocolException(
                    queue.name() + " is to start, and no memory table was given");
        }
        if (!addressed || entries == 0) {
            throw new VhostProtocolException(
                    queue.name() + " is to start without its size and addresses");
        }
        if (packed != DeviceQueue.isPacked(features)) {
            packed = !packed;
            queue = DeviceQueue.of(queue.name(), features);
        }
        try {
            queue.start(bus, entries, ringAddresses(bus), base, features);
        } catch (RingException e) {
            throw new VhostProtocolException(e.getMessage(), e);
        }
        started = true;
        awaiting = false;
    }

    /** Goes on in another memory table. */
    public void move(BusMaster bus) {
        awaiting = false;
        try {
            queue.move(bus, ringAddresses(bus));
        } catch (RingException e) {
            throw new VhostProtocolException(e.getMessage(), e);
        }
    }

    /**
     * Memory may not go under a ring that runs.
     *
     * @throws VhostProtocolException when a part of the ring is in the region
     */
    public void requireNotIn(MemoryRegion region) {
        if (!started) {
            return;
        }
        var bytes = packed ? RingAddresses.packedBytes(entries) : RingAddresses.splitBytes(entries);
        requireNotIn(region, DESCRIPTORS, descriptorsAddress, bytes.descriptors());
        requireNotIn(
                region, packed ? DRIVER_EVENT : AVAILABLE, availableAddress, bytes.available());
        requireNotIn(region, packed ? DEVICE_EVENT : USED, usedAddress, bytes.used());
    }

    private void requireNotIn(MemoryRegion region, String part, long address, long lengthBytes) {
        boolean apart =
                Long.compareUnsigned(address - region.userAddress(), region.lengthBytes()) >= 0
                        && Long.compareUnsigned(region.userAddress() - address, lengthBytes) >= 0;
        if (!apart) {
            throw new VhostProtocolException(
                    "%s runs, and its %s at 0x%x is in the memory that is to go: stop it first"
                            .formatted(queue.name(), part, address));
        }
    }

    private RingAddresses ringAddresses(BusMaster bus) {
        return new RingAddresses(
                busAddress(bus, DESCRIPTORS, descriptorsAddress),
                busAddress(bus, packed ? DRIVER_EVENT : AVAILABLE, availableAddress),
                busAddress(bus, packed ? DEVICE_EVENT : USED, usedAddress));
    }

    private long busAddress(BusMaster bus, String part, long address) {
        long found = bus.ringAddress(address);
        if (found == -1) {
            throw new VhostProtocolException(
                    "%s: %s at 0x%x is in no region of the memory table"
                            .formatted(queue.name(), part, address));
        }
        return found;
    }

    /** Stops the ring; where it would go on. */
    public int stop() {
        if (started) {
            started = false;
            base = queue.position();
        }
        replaceKick(null);
        return base;
    }

    private void replaceKick(EventDescriptor newKick) {
        if (kick != null) {
            loop.unwatch(kick.descriptor(), kickToken);
            kick.close();
        }
        kick = newKick;
        if (kick != null) {
            // Only to be awake: whoever wakes looks at every ring.
            kickToken = loop.watch(kick.descriptor(), Epoll.READABLE, events -> newKick.drain());
        }
    }

    public void call(EventDescriptor newCall) {
        close(call);
        call = newCall;
    }

    public void error(EventDescriptor newError) {
        close(error);
        error = newError;
    }

    private static void close(EventDescriptor event) {
        if (event != null) {
            event.close();
        }
    }

    /** Within the DMA section: shows the driver what was completed. */
    public void publish() {
        try {
            if (started && queue.publish()) {
                signalWanted = true;
            }
        } catch (AwaitedException later) {
            // Shown when the ring can be reached again, or done again: DeviceQueue.position.
            return;
        }
    }

    /** After the DMA section, as it is a system call: the interrupt, if one is wanted. */
    public void signal() {
        if (signalWanted) {
            signalWanted = false;
            if (call != null) {
                call.signal();
            }
        }
    }

    /** Tells the front-end that the ring is broken. */
    public void signalError() {
        if (error != null) {
            error.signal();
        }
    }

    @Override
    public void close() {
        started = false;
        replaceKick(null);
        call(null);
        error(null);
    }
}
