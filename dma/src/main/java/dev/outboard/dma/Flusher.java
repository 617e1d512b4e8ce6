package dev.outboard.dma;

import dev.outboard.iommu.InvalidationLane;
import dev.outboard.uio.WaitPolicy;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;

/**
 * One thread's half of the flush: asks every device of a domain to drop translations, and waits for
 * those inside a DMA section, or looks again later.
 *
 * <pre>
 *   owner                                   device
 *   clear the entries                       inside = 1
 *   raise requested          ┌── fence ──┐  read requested; if behind: drop, publish completed
 *   read inside              └── pairs ──┘  DMA
 *   wait: outside, caught up, or gone       inside = 0
 * </pre>
 *
 * <p>One thread: that of a mapping service, or a timer's. Each has a lane of its own in the control
 * pages, so flushers of one domain share nothing that they write but the two counts of {@link
 * DeviceSet}, and those only when everything is flushed. A device that is gone needs no flush. No
 * allocation, but for the exception and after a device came or went.
 */
final class Flusher {
    private static final long FIRST_PARK_NANOS = 2_000;
    private static final long LAST_PARK_NANOS = 200_000;
    private static final long PROBE_NANOS = 1_000_000;

    private final String domain;
    private final DeviceSet devices;
    private final int lane;
    private final WaitPolicy wait;
    private final long limitNanos;

    private AttachedDevice[] asked = {};

    /** This thread's lane to each of {@link #asked}. */
    private InvalidationLane[] lanes = {};

    /** The only one of them; null if there are none or several. */
    private InvalidationLane sole;

    /** Whether everything was asked for since {@link #begin}. */
    private boolean everything;

    /** Whether {@link #poll} has found a device inside since {@link #begin}. */
    private boolean polling;

    private long pollingSinceNanos;
    private long probedNanos;
    private boolean sawStuck;
    private boolean closed;
    private long flushes;
    private long waitedNanos;

    /**
     * A flusher with a lane of its own, until {@link #close}.
     *
     * @throws IllegalStateException if no lane is left
     */
    Flusher(String domain, DeviceSet devices, DomainOptions options) {
        this.domain = domain;
        this.devices = devices;
        wait = options.flushWait();
        limitNanos = options.flushLimitNanos();
        lane = devices.open();
    }

    /**
     * Begins a flush: {@link #request} for each run or {@link #requestAll}, then {@link #complete},
     * or {@link #poll} until it is true. One that is not over yet is made larger.
     */
    void begin() {
        AttachedDevice[] now = devices.devicesAcquire();
        if (now != asked) {
            take(now);
        }
        flushes++;
    }

    private void take(AttachedDevice[] now) {
        asked = now;
        lanes = new InvalidationLane[now.length];
        for (int index = 0; index < lanes.length; index++) {
            lanes[index] = now[index].control().lane(lane);
        }
        sole = lanes.length == 1 ? lanes[0] : null;
    }

    /**
     * A whole flush of one run, already cleared: {@link #begin}, {@link #request} and {@link
     * #complete}, with few steps where the domain has one device and it is quiet.
     *
     * @throws DeviceStuckException as {@link #complete}
     */
    void flush(long page, long pages) {
        begin();
        if (sole == null || sawStuck) {
            request(page, pages);
            complete();
        } else if (!isSoleQuiet(page, pages)) {
            complete();
        }
    }

    private boolean isSoleQuiet(long page, long pages) {
        try {
            sole.request(page, pages);
            // Full fence: as in isSettled.
            VarHandle.fullFence();
            return devices.devicesAcquire() == asked && sole.isSettled();
        } catch (IllegalStateException unmapped) {
            requireChanged(unmapped);
            return false;
        }
    }

    /** Asks the devices to drop a run, already cleared. */
    void request(long page, long pages) {
        try {
            for (InvalidationLane device : lanes) {
                device.request(page, pages);
            }
        } catch (IllegalStateException unmapped) {
            requireChanged(unmapped);
        }
    }

    /** Asks the devices to drop everything, and to count what stale translations they held. */
    void requestAll() {
        if (!everything) {
            everything = true;
            devices.start();
        }
        try {
            for (InvalidationLane device : lanes) {
                device.requestAllCounted();
            }
        } catch (IllegalStateException unmapped) {
            requireChanged(unmapped);
        }
    }

    /**
     * Waits until nothing that was asked for is usable any more.
     *
     * @throws DeviceStuckException if a device does not leave its DMA section in time; the flush is
     *     given up
     */
    void complete() {
        while (!isSettled() && !isAwaited()) {
            // A device went while it was waited for: ask whoever is there now.
        }
        finish();
    }

    /** Waits for one device after the other; false if one of them was unmapped meanwhile. */
    private boolean isAwaited() {
        try {
            for (int index = 0; index < lanes.length; index++) {
                if (!lanes[index].isSettled()) {
                    await(asked[index], lanes[index]);
                }
            }
            return true;
        } catch (IllegalStateException unmapped) {
            requireChanged(unmapped);
            return false;
        }
    }

    /**
     * Whether nothing that was asked for is usable any more; never waits. Once true, the flush is
     * over. How long a device may stay inside is the caller's to say.
     */
    boolean poll() {
        if (isSettled() || isOnlyWaitingForTheGone()) {
            finish();
            return true;
        }
        return false;
    }

    /**
     * Looks at every device once. Whoever came meanwhile is asked for everything; whoever went need
     * not be.
     */
    private boolean isSettled() {
        while (true) {
            // Full fence: "requested" and the cleared entries are visible before "inside" is read.
            // Partner: the fence in Translator.enter. It also comes before the set of devices is
            // read again; partner: the fence in DeviceSet.set.
            VarHandle.fullFence();
            if (devices.devicesAcquire() != asked) {
                askAgain();
                continue;
            }
            try {
                for (InvalidationLane device : lanes) {
                    if (!device.isSettled()) {
                        return false;
                    }
                }
                return true;
            } catch (IllegalStateException unmapped) {
                requireChanged(unmapped);
            }
        }
    }

    /** Somebody came or went meanwhile, which is rare: ask whoever is there now for everything. */
    private void askAgain() {
        take(devices.devicesAcquire());
        try {
            for (InvalidationLane device : lanes) {
                device.requestAll();
            }
        } catch (IllegalStateException unmapped) {
            requireChanged(unmapped);
        }
    }

    /**
     * A control page is unmapped only after its device has left the set: anything else is a defect.
     */
    private void requireChanged(IllegalStateException unmapped) {
        if (devices.devicesAcquire() == asked) {
            throw unmapped;
        }
    }

    /** Some device is inside: whether all that are have died there, looked at now and then. */
    private boolean isOnlyWaitingForTheGone() {
        long now = System.nanoTime();
        if (!polling) {
            polling = true;
            pollingSinceNanos = now;
            probedNanos = now;
        } else if (now - probedNanos >= PROBE_NANOS) {
            probedNanos = now;
            return areAllSettledOrGone();
        }
        return false;
    }

    private boolean areAllSettledOrGone() {
        try {
            for (int index = 0; index < lanes.length; index++) {
                if (!lanes[index].isSettled() && !asked[index].isGone()) {
                    return false;
                }
            }
            return true;
        } catch (IllegalStateException unmapped) {
            requireChanged(unmapped);
            return false;
        }
    }

    private void await(AttachedDevice device, InvalidationLane asking) {
        long started = System.nanoTime();
        try {
            await(device, asking, started);
        } finally {
            waitedNanos += System.nanoTime() - started;
        }
    }

    private void await(AttachedDevice device, InvalidationLane asking, long started) {
        long limit = device.isStuck() ? PROBE_NANOS : limitNanos;
        long parkNanos = FIRST_PARK_NANOS;
        long probeAt = PROBE_NANOS;
        while (!asking.isSettled()) {
            long waited = System.nanoTime() - started;
            if (waited >= probeAt) {
                probeAt = waited + PROBE_NANOS;
                // The owner's thread may be busy telling of faults: look for the death ourselves.
                if (device.isGone()) {
                    return;
                }
            }
            if (waited >= limit) {
                throw stuck(device);
            }
            if (waited >= wait.spinNanos()) {
                // An interrupted thread does not park; it spins, which is correct and rare.
                LockSupport.parkNanos(parkNanos);
                parkNanos = Math.min(2 * parkNanos, LAST_PARK_NANOS);
            } else if (wait.pause()) {
                Thread.onSpinWait();
            }
        }
    }

    /** Gives the flush up. */
    private DeviceStuckException stuck(AttachedDevice device) {
        device.setStuck();
        sawStuck = true;
        giveUp();
        return new DeviceStuckException(
                ("device=%s of domain=%s did not leave its DMA section within %d ms:"
                                + " stop its process; until then what was unmapped may still be"
                                + " reached")
                        .formatted(device.name(), domain, limitNanos / 1_000_000));
    }

    private void finish() {
        if (polling) {
            waitedNanos += System.nanoTime() - pollingSinceNanos;
            polling = false;
        }
        if (sawStuck) {
            sawStuck = false;
            for (AttachedDevice device : asked) {
                device.clearStuck();
            }
        }
        if (everything) {
            everything = false;
            devices.finish();
        }
    }

    private void giveUp() {
        polling = false;
        if (everything) {
            everything = false;
            devices.giveUp();
        }
    }

    /**
     * How many flushes of everything, by any thread of the domain, have begun. Entries that this
     * thread cleared before may be used for something else when {@link #isComplete} says so of this
     * number. Costs a full fence: take it once for many entries.
     */
    long generation() {
        return devices.generation();
    }

    /**
     * Whether a flush of everything that began after {@link #generation} was read has ended, by
     * whichever thread. If flushes overlapped or failed it may take one more than one would think;
     * never one less.
     */
    boolean isComplete(long generation) {
        return devices.isComplete(generation);
    }

    /** Gives the lane back; again does nothing. */
    void close() {
        if (!closed) {
            closed = true;
            giveUp();
            devices.close(lane);
        }
    }

    /** Flushes begun. */
    long flushes() {
        return flushes;
    }

    /** Time spent waiting for devices inside a DMA section. */
    long waitedNanos() {
        return waitedNanos;
    }
}
