package dev.outboard.models;

import dev.outboard.backend.AwaitedException;
import dev.outboard.backend.DeviceEngine;
import dev.outboard.backend.DeviceQueue;
import dev.outboard.backend.PortSession;
import dev.outboard.backend.loop.DeviceLoop;
import dev.outboard.virtio.VirtioFeatures;

/**
 * Serves the queues of a disk, in turn, a few requests to a DMA section. The loop's thread; nothing
 * allocates.
 */
final class DiskEngine implements DeviceEngine {
    /**
     * Requests in one DMA section. Few, as there is file I/O in it, and the driver waits for the
     * first of them.
     */
    static final int BURST = 8;

    private final DiskPort port;
    private final DiskRequest request;
    private int first;

    DiskEngine(DiskPort port, DiskRequest request) {
        this.port = port;
        this.request = request;
    }

    @Override
    public boolean poll(long nowNanos) {
        PortSession session = port.session();
        if (session == null || !session.isRunning()) {
            return false;
        }
        boolean worked = false;
        int queues = port.queueCount();
        first = first + 1 < queues ? first + 1 : 0;
        for (int i = 0; i < queues; i++) {
            int queue = (first + i) % queues;
            if (session.isReady(queue)) {
                session.enter();
                try {
                    worked |= serve(session, session.vring(queue).queue());
                } catch (AwaitedException awaited) {
                    session.await(awaited);
                }
                session.leave();
            }
        }
        return worked;
    }

    private boolean serve(PortSession session, DeviceQueue queue) {
        if (!queue.hasNext()) {
            return false;
        }
        queue.refuseDoorbell();
        boolean writeThrough = (session.acceptedFeatures() & VirtioFeatures.BLK_FLUSH) == 0;
        for (int i = 0; i < BURST && queue.hasNext(); i++) {
            if (i > 0) {
                session.checkpoint();
            }
            queue.load();
            if (request.serve(queue, writeThrough)) {
                // To wait for the medium takes milliseconds: not in a DMA section.
                session.leave();
                request.sync();
                session.enter();
                queue.load();
                request.finish(queue);
                return true;
            }
        }
        return true;
    }

    @Override
    public boolean askForDoorbells() {
        PortSession session = port.session();
        if (session == null || !session.isRunning()) {
            return false;
        }
        boolean work = false;
        session.enter();
        for (int i = 0; i < port.queueCount(); i++) {
            work |= session.askForDoorbell(i);
        }
        session.leave();
        return work;
    }

    @Override
    public long sleepLimitNanos(long nowNanos) {
        return DeviceLoop.FOREVER;
    }
}
