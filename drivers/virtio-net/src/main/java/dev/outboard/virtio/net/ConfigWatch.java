package dev.outboard.virtio.net;

import dev.outboard.driver.Device;
import dev.outboard.uio.Interrupt;
import dev.outboard.uio.Waits;

/**
 * The thread that waits for changes of the configuration space, and sleeps until there are any.
 * Ends with {@link #close}, or with the device.
 */
final class ConfigWatch implements AutoCloseable {
    private final Device device;
    private final Interrupt interrupt;
    private final Runnable onChange;
    private final Thread thread;
    private volatile boolean isEnding;

    /**
     * @param interrupt closed by this
     * @param onChange looks at the configuration; on the thread of this
     */
    ConfigWatch(Device device, Interrupt interrupt, Runnable onChange) {
        this.device = device;
        this.interrupt = interrupt;
        this.onChange = onChange;
        thread = Thread.ofPlatform().daemon().name(device.name() + " link").unstarted(this::watch);
    }

    void start() {
        thread.start();
    }

    private void watch() {
        while (!isEnding && !device.isLost()) {
            // Whatever ends the wait: to look costs little, and a wake may stand for a change.
            interrupt.await(-1);
            if (!isEnding && !device.isLost()) {
                onChange.run();
            }
        }
    }

    /** Not on the thread of this. */
    @Override
    public void close() {
        isEnding = true;
        interrupt.wake();
        if (thread.isAlive()) {
            Waits.forEnd(thread);
        }
        interrupt.close();
    }
}
