package dev.outboard.host.doctor;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.UnixSocket;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** What every driver needs of the kernel, found out by using it. */
final class KernelChecks {
    private static final String REMEDY = "Needs Linux 5.1 or later, on a 64-bit processor";
    private static final long PAGE_BYTES = 4096;
    private static final int MARK = 0x0b0a;

    private KernelChecks() {}

    static List<Check> all() {
        return List.of(
                java(),
                attempt("shared memory", "memfd, sealed and mapped", KernelChecks::shareMemory),
                attempt("eventfd", "signals arrive", KernelChecks::signal),
                attempt("UNIX sockets", "descriptors pass", KernelChecks::passDescriptor));
    }

    private static Check java() {
        return Check.ok("Java", Runtime.version() + " on " + System.getProperty("os.arch"));
    }

    private static Check attempt(String name, String found, Runnable use) {
        try {
            use.run();
            return Check.ok(name, found);
        } catch (RuntimeException | LinkageError e) {
            return Check.failed(name, e.getMessage(), REMEDY);
        }
    }

    private static void shareMemory() {
        try (var file = MemoryFile.create("outboard-doctor", PAGE_BYTES);
                var mapping = file.map(0, PAGE_BYTES, true)) {
            file.sealSize();
            mapping.memory().set(ValueLayout.JAVA_INT, 0, MARK);
            try (var again = file.map(0, PAGE_BYTES, false)) {
                require(again.memory().get(ValueLayout.JAVA_INT, 0) == MARK, "memory not shared");
            }
        }
    }

    private static void signal() {
        try (var event = EventDescriptor.create()) {
            event.signal();
            require(event.await(0) && event.drain() == 1, "a signal was lost");
        }
    }

    private static void passDescriptor() {
        var ends = UnixSocket.pair(UnixSocket.Kind.STREAM);
        try (var arena = Arena.ofConfined();
                var one = ends[0];
                var other = ends[1];
                var event = EventDescriptor.create()) {
            var bytes = arena.allocate(1);
            var received = new ArrayList<Descriptor>();
            one.send(bytes, 0, 1, event.descriptor());
            var count = other.receive(bytes, 0, 1, received, true);
            received.forEach(Descriptor::close);
            require(count == 1 && received.size() == 1, "a descriptor was lost");
        }
    }

    private static void require(boolean condition, String otherwise) {
        if (!condition) {
            throw new IllegalStateException(otherwise);
        }
    }
}
