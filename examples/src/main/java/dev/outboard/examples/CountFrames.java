package dev.outboard.examples;

import dev.outboard.driver.Client;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Service;
import dev.outboard.driver.net.FrameHandler;
import dev.outboard.driver.net.NetworkService;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Counts the frames that arrive. One thread owns the queue; nothing is allocated for a frame.
 *
 * <p>A frame is the handler's only until it returns: whoever wants to keep it copies it.
 */
public final class CountFrames implements Client {
    private static final int BATCH = 64;
    private static final long WAIT_NANOS = 100_000_000;

    /** For the service loader. */
    public CountFrames() {}

    @Override
    public String name() {
        return "count-frames";
    }

    @Override
    public String help() {
        return "counts the frames that arrive: frames=N ends after so many, else when stopped";
    }

    @Override
    public Class<NetworkService> service() {
        return NetworkService.class;
    }

    @Override
    public void run(Service service, ClientContext context) {
        var queue = ((NetworkService) service).receiveQueue(0);
        long limit = context.option("frames", Long.MAX_VALUE);
        var count = new Count();
        context.ready();
        while (count.frames < limit && !context.isStopping()) {
            int room = (int) Math.min(BATCH, limit - count.frames);
            if (queue.poll(count, room) == 0) {
                // Asks the device for an interrupt, and sleeps until it comes.
                queue.await(WAIT_NANOS);
            }
        }
        context.result("frames", count.frames);
        context.result("bytes", count.bytes);
        context.result("toAll", count.toAll);
    }

    /** What has arrived. */
    private static final class Count implements FrameHandler {
        private static final int GROUP_BIT = 1;

        long frames;
        long bytes;
        long toAll;

        @Override
        public void onFrame(MemorySegment memory, long offset, int lengthBytes) {
            frames++;
            bytes += lengthBytes;
            // The lowest bit of an Ethernet frame's first byte says that it is for a group.
            toAll += memory.get(ValueLayout.JAVA_BYTE, offset) & GROUP_BIT;
        }
    }
}
