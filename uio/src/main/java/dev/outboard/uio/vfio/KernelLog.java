package dev.outboard.uio.vfio;

import dev.outboard.uio.DeviceNode;
import dev.outboard.uio.Epoll;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.Resources;
import dev.outboard.uio.Waits;
import dev.outboard.uio.nativecall.ErrorNames;
import dev.outboard.uio.sysfs.PciPlace;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * Hears of the DMA of one function that the IOMMU has stopped. VFIO tells a process nothing of it;
 * the kernel writes it into its log, some of it when there is much, and this reads the log.
 *
 * <p>Owned by who started it; a daemon thread, which sleeps in the kernel. What was in the log
 * before is not told.
 */
public final class KernelLog implements AutoCloseable {
    private static final Path LOG = Path.of("/dev/kmsg");

    /** The longest record, with what the kernel adds to it. */
    private static final int RECORD_BYTES = 8192;

    private static final int NEWS = 0;
    private static final int END = 1;
    private static final long FOREVER = -1;

    private final Resources resources = new Resources();
    private final MemorySegment record = Arena.ofAuto().allocate(RECORD_BYTES);
    private final PciPlace place;
    private final Consumer<DmaFault> told;
    private final DeviceNode log;
    private final Epoll epoll;
    private final EventDescriptor end;
    private final Thread thread;
    private boolean done;

    private KernelLog(Path path, PciPlace place, Consumer<DmaFault> told) {
        this.place = place;
        this.told = told;
        try {
            log = resources.add(DeviceNode.openToRead(path));
            epoll = resources.add(Epoll.create());
            end = resources.add(EventDescriptor.create());
            epoll.add(log.descriptor(), Epoll.READABLE, NEWS);
            epoll.add(end.descriptor(), Epoll.READABLE, END);
            while (next() != null) {
                // Of another time.
            }
        } catch (RuntimeException failure) {
            resources.closeAfter(failure);
            throw failure;
        }
        thread = Thread.ofPlatform().daemon().name(place + "-faults").unstarted(this::watch);
    }

    /**
     * Listens until closed.
     *
     * @param told of each fault, on this object's thread
     * @throws NativeException EPERM or EACCES where this user may not read the log
     */
    public static KernelLog start(PciPlace place, Consumer<DmaFault> told) {
        return start(LOG, place, told);
    }

    static KernelLog start(Path path, PciPlace place, Consumer<DmaFault> told) {
        var log = new KernelLog(path, place, told);
        log.thread.start();
        return log;
    }

    private void watch() {
        while (!done) {
            epoll.await(FOREVER, this::onReady);
        }
    }

    private void onReady(int token, int events) {
        if (token == END) {
            done = true;
            return;
        }
        String line = next();
        while (line != null) {
            DmaFault.parse(line).filter(fault -> fault.isOf(place)).ifPresent(told);
            line = next();
        }
    }

    /** A record, one a call; null when there is none. */
    private String next() {
        while (true) {
            long length = log.read(record, 0);
            if (length > 0) {
                byte[] bytes = record.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE);
                return new String(bytes, StandardCharsets.UTF_8);
            }
            // EPIPE: the log has overwritten what came next. EINVAL: a record longer than ours.
            if (length != -ErrorNames.EPIPE && length != -ErrorNames.EINTR) {
                return null;
            }
        }
    }

    @Override
    public void close() {
        if (thread.isAlive()) {
            end.signal();
            Waits.forEnd(thread);
        }
        resources.close();
    }
}
