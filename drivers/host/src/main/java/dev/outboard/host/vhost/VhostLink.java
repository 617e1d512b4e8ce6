package dev.outboard.host.vhost;

import dev.outboard.driver.DeviceException;
import dev.outboard.driver.DeviceLostException;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.PeerTimeoutException;
import dev.outboard.uio.vhost.VhostProtocolException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * Whether the device is there, and the words for when it is not. Any thread may look; the driver's
 * thread asks the device, the watcher's says that it went away.
 */
final class VhostLink {
    private final String device;
    private final List<Runnable> listeners = new ArrayList<>();
    private volatile boolean lost;

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

    void onLost(Runnable listener) {
        synchronized (listeners) {
            if (!lost) {
                listeners.add(listener);
                return;
            }
        }
        listener.run();
    }

    void checkPresent() {
        if (lost) {
            throw new DeviceLostException(device);
        }
    }

    /** Asks the device something. */
    <T> T ask(String what, Supplier<T> question) {
        checkPresent();
        try {
            return question.get();
        } catch (PeerGoneException e) {
            lose();
            throw new DeviceLostException(device);
        } catch (PeerTimeoutException e) {
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
