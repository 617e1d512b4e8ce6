package dev.outboard.host.vhost;

import dev.outboard.driver.DeviceException;
import dev.outboard.driver.DeviceLostException;
import dev.outboard.host.bus.DeviceAbsentException;
import dev.outboard.uio.ConnectionRefusedException;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.PeerTimeoutException;
import dev.outboard.uio.vhost.VhostProtocolException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * Whether the device is there, and the words for when it is not. Any thread may look; the driver's
 * thread asks the device, the watcher's says that it went away.
 *
 * <p>A device that leaves before it was opened is absent: it serves another driver, or is on its
 * way. One that leaves later is lost, and so is one whose connection had to be given up.
 */
final class VhostLink {
    private final String device;
    private final List<Runnable> listeners = new ArrayList<>();
    private volatile boolean lost;
    private volatile boolean opened;
    private volatile DeviceException reason;

    VhostLink(String device) {
        this.device = device;
    }

    boolean isLost() {
        return lost;
    }

    /** The device went away: tells everyone, once. */
    void lose() {
        List<Runnable> told;
        synchronized (listeners) {
            if (lost) {
                return;
            }
            lost = true;
            told = List.copyOf(listeners);
            listeners.clear();
        }
        told.forEach(Runnable::run);
    }

    /** The device is there, but cannot be talked to any more: as lost, and this says why. */
    void fail(RuntimeException why) {
        if (!lost && !(why instanceof PeerGoneException)) {
            reason =
                    new DeviceException(
                            "device %s cannot be fed with translations any more: %s"
                                    .formatted(device, why.getMessage()),
                            why);
        }
        lose();
    }

    void onLost(Runnable listener) {
        synchronized (listeners) {
            if (!lost) {
                listeners.add(listener);
                return;
            }
        }
        listener.run();
    }

    /** The device is open: from here on it can be lost. */
    void opened() {
        opened = true;
    }

    void checkPresent() {
        if (reason != null) {
            throw reason;
        }
        if (lost) {
            throw gone(null);
        }
    }

    private DeviceException gone(PeerGoneException cause) {
        return opened
                ? new DeviceLostException(device)
                : new DeviceAbsentException(
                        "device "
                                + device
                                + " closed the connection: it serves another driver, or died; its"
                                + " own output says which",
                        cause);
    }

    /** Asks the device something. */
    <T> T ask(String what, Supplier<T> question) {
        checkPresent();
        try {
            return question.get();
        } catch (ConnectionRefusedException e) {
            throw new DeviceAbsentException("device " + device + ": " + e.getMessage(), e);
        } catch (PeerGoneException e) {
            lose();
            throw gone(e);
        } catch (PeerTimeoutException e) {
            // Its connection is closed: what it says now could not be told from what was late.
            lose();
            throw new DeviceException(
                    "device " + device + " does not answer to " + what + ": " + e.getMessage(), e);
        } catch (VhostProtocolException e) {
            throw new DeviceException(
                    "device " + device + " refused " + what + ": " + e.getMessage(), e);
        }
    }

    /** Tells the device something. */
    void tell(String what, Runnable message) {
        ask(
                what,
                () -> {
                    message.run();
                    return null;
                });
    }
}
