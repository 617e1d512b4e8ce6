package dev.outboard.examples;

import dev.outboard.dma.pool.PatientTaker;
import dev.outboard.dma.pool.PoolPage;
import dev.outboard.dma.pool.UrgentTaker;
import dev.outboard.driver.Client;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.Service;
import dev.outboard.driver.net.FrameHandler;
import dev.outboard.driver.net.NetworkService;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * Keeps the frames that arrive, in a file that tcpdump and Wireshark read.
 *
 * <pre>
 *   this thread, owns the queue, may not block        writer thread, may sleep
 *     frame ──► a page of the pool ──── hand over ────► file ──► page given back
 *               none there: frame dropped, counted
 * </pre>
 *
 * <p>A frame is the handler's only until it returns, and the writer is slower than a network: so
 * the frame is copied into a page that was ready, and nothing on this thread ever waits for a disk.
 */
public final class KeepFrames implements Client {
    private static final int BATCH = 64;
    private static final long WAIT_NANOS = 100_000_000;

    /** Frames on their way to the writer, at most: so many pages may be out. */
    private static final int ON_THE_WAY = 1024;

    /** For the service loader. */
    public KeepFrames() {}

    @Override
    public String name() {
        return "keep-frames";
    }

    @Override
    public String help() {
        return "keeps the frames that arrive: file=FILE.pcap, frames=N ends after so many";
    }

    @Override
    public Class<NetworkService> service() {
        return NetworkService.class;
    }

    @Override
    public void run(Service service, ClientContext context) {
        var name = context.options().get("file");
        if (name == null) {
            throw new IllegalArgumentException("option file=FILE.pcap is missing");
        }
        long limit = context.option("frames", Long.MAX_VALUE);
        var queue = ((NetworkService) service).receiveQueue(0);
        try (var taker = context.device().pages().openUrgent();
                var writer = Writer.start(Path.of(name), context)) {
            var keep = new Keep(taker, writer);
            context.ready();
            while (keep.seen < limit && !context.isStopping()) {
                if (queue.poll(keep, (int) Math.min(BATCH, limit - keep.seen)) == 0) {
                    queue.await(WAIT_NANOS);
                }
            }
            context.result("frames", keep.seen);
            context.result("dropped", keep.dropped);
        }
    }

    /** Copies each frame into a page, if there is one. */
    private static final class Keep implements FrameHandler {
        private final UrgentTaker pages;
        private final Writer writer;
        long seen;
        long dropped;

        Keep(UrgentTaker pages, Writer writer) {
            this.pages = pages;
            this.writer = writer;
        }

        @Override
        public void onFrame(MemorySegment memory, long offset, int lengthBytes) {
            seen++;
            int kept = Math.min(lengthBytes, PoolPage.BYTES - Writer.HEADER_BYTES);
            PoolPage page = pages.tryTake();
            if (page == null) {
                dropped++;
                return;
            }
            Writer.writeHeader(page.memory(), kept, lengthBytes);
            MemorySegment.copy(memory, offset, page.memory(), Writer.HEADER_BYTES, kept);
            if (!writer.offer(page)) {
                pages.giveBack(page);
                dropped++;
            }
        }
    }

    /** Writes pages to the file, and gives them back: a thread that may wait for the disk. */
    private static final class Writer implements AutoCloseable {
        /** Of a packet in a pcap file: seconds, microseconds, kept and original length. */
        static final int HEADER_BYTES = 16;

        private static final int KEPT_OFFSET = 8;
        private static final int MAGIC = 0xa1b2c3d4;
        private static final int FILE_HEADER_BYTES = 24;
        private static final short MAJOR = 2;
        private static final short MINOR = 4;
        private static final int ETHERNET = 1;
        private static final int MICROS = 1000;
        private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;

        private final BlockingQueue<PoolPage> frames = new ArrayBlockingQueue<>(ON_THE_WAY);
        private final FileChannel file;
        private final ClientContext context;
        private final Thread thread;
        private volatile boolean ending;
        private volatile IOException failure;
        private long written;

        private Writer(FileChannel file, ClientContext context) {
            this.file = file;
            this.context = context;
            thread = Thread.ofPlatform().name("frame-writer").unstarted(this::write);
        }

        static Writer start(Path path, ClientContext context) {
            try {
                var file =
                        FileChannel.open(
                                path,
                                StandardOpenOption.CREATE,
                                StandardOpenOption.TRUNCATE_EXISTING,
                                StandardOpenOption.WRITE);
                var header = ByteBuffer.allocate(FILE_HEADER_BYTES).order(ByteOrder.nativeOrder());
                header.putInt(MAGIC).putShort(MAJOR).putShort(MINOR).putLong(0);
                header.putInt(PoolPage.BYTES).putInt(ETHERNET).flip();
                file.write(header);
                var writer = new Writer(file, context);
                writer.thread.start();
                return writer;
            } catch (IOException e) {
                throw new IllegalArgumentException("file=" + path + " cannot be written: " + e, e);
            }
        }

        static void writeHeader(MemorySegment page, int kept, int length) {
            long millis = System.currentTimeMillis();
            page.set(INT, 0, (int) TimeUnit.MILLISECONDS.toSeconds(millis));
            page.set(INT, Integer.BYTES, (int) (millis % MICROS) * MICROS);
            page.set(INT, KEPT_OFFSET, kept);
            page.set(INT, KEPT_OFFSET + Integer.BYTES, length);
        }

        /** Hands a frame over; false where the writer is too far behind. */
        boolean offer(PoolPage page) {
            return frames.offer(page);
        }

        private void write() {
            try (PatientTaker pages = context.device().pages().openPatient()) {
                PoolPage page = next();
                while (page != null) {
                    write(page);
                    pages.giveBack(page);
                    page = next();
                }
            }
        }

        /** The next frame; null when there is none and no more come. */
        private PoolPage next() {
            while (true) {
                boolean isLast = ending;
                try {
                    PoolPage page = frames.poll(WAIT_NANOS / 10, TimeUnit.NANOSECONDS);
                    if (page != null || isLast) {
                        return page;
                    }
                } catch (InterruptedException asked) {
                    ending = true;
                }
            }
        }

        private void write(PoolPage page) {
            if (failure != null) {
                return;
            }
            int kept = page.memory().get(INT, KEPT_OFFSET);
            var bytes = page.memory().asSlice(0, HEADER_BYTES + kept).asByteBuffer();
            try {
                while (bytes.hasRemaining()) {
                    file.write(bytes);
                }
                written++;
            } catch (IOException e) {
                failure = e;
            }
        }

        /** Writes what is left, and tells how much it was. */
        @Override
        public void close() {
            ending = true;
            boolean interrupted = false;
            while (thread.isAlive()) {
                try {
                    thread.join();
                } catch (InterruptedException asked) {
                    interrupted = true;
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
            context.result("written", written);
            try {
                file.close();
            } catch (IOException e) {
                failure = e;
            }
            if (failure != null) {
                throw new DeviceException("the frames cannot be written: " + failure.getMessage());
            }
        }
    }
}
