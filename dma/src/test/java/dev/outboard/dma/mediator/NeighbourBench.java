package dev.outboard.dma.mediator;

import dev.outboard.dma.ChildJvm;
import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.IommuAttachment;
import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.Strategy;
import dev.outboard.iommu.DartFormat;
import dev.outboard.uio.ProcessControl;
import dev.outboard.uio.WaitPolicy;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;

/**
 * What clients that misbehave cost one that does not.
 *
 * <pre>
 *  processor 0                                       processor 1
 *  this process: batches of 32 ───── its ring ─────► Mediator (a child)
 *  one neighbour at a time ───────── its ring ─────►
 *  (a child; the others are stopped)
 * </pre>
 *
 * <p>A neighbour takes from this process twice: the kernel gives it half of the processor, which it
 * also gives to one that has never heard of the mediator ({@code spin}); and the mediator gives it
 * turns. So two figures are printed. Rounds a second are to be compared with {@code spin}. The mean
 * of a round, but for those during which one side lost its processor, which takes the kernel longer
 * than anything that the mediator does, is to be compared with {@code none}: the difference is what
 * the mediator lets the neighbour do; of the windows the one at the lower quartile is told, because
 * a virtual machine's processors may be of two speeds. How long this thread and the mediator's
 * waited for a processor is printed beside them: on a machine with other work a mediator that is
 * kept busy waits more than one that sleeps now and then, and rounds a second are lost that way,
 * too. Neighbours take turns many times, so that other work does not tell one kind from another.
 *
 * <p>Run it from the folder of the module, after its tests were compiled: {@code java
 * --enable-native-access=ALL-UNNAMED -cp target/classes:target/test-classes:…
 * dev.outboard.dma.mediator.NeighbourBench [kind …]}.
 */
final class NeighbourBench {
    private static final int BATCH = 32;
    private static final int WINDOWS = 21;
    private static final long WARM_NANOS = 5_000_000_000L;
    private static final long SETTLE_NANOS = 10_000_000L;
    private static final long WINDOW_NANOS = 80_000_000L;

    /** A round that took longer is one in which the kernel took a processor away. */
    private static final long LOST_NANOS = 200_000;

    private static final List<String> KINDS =
            List.of(
                    "spin", "flood", "garbage", "foreign", "mixed", "bulk", "wide", "asleep",
                    "storm", "estates", "crowd");

    private final long[] physicals = new long[BATCH];
    private final int[] lengths = new int[BATCH];
    private final long[] iovas = new long[BATCH];
    private final Path ownStatistics =
            Path.of("/proc/self/task", Integer.toString(ProcessControl.threadId()), "schedstat");
    private final Path mediatorStatistics;

    private NeighbourBench(ChildJvm mediator) throws IOException {
        mediatorStatistics = mediatorThread(mediator.pid()).resolve("schedstat");
    }

    /**
     * @param perSecond rounds
     * @param meanNanos of those that were not disturbed
     * @param waited part of the time that this thread waited for a processor
     * @param mediatorWaited the same of the mediator's thread
     */
    private record Window(
            double perSecond, double meanNanos, double waited, double mediatorWaited) {}

    /** Arguments: kinds of neighbours, or none for all. */
    public static void main(String[] arguments) throws IOException {
        ProcessControl.pinThread(0);
        List<String> kinds = arguments.length == 0 ? KINDS : List.of(arguments);
        Path directory = Files.createTempDirectory("mediator");
        Path listen = directory.resolve("m.sock");
        Path iommu = directory.resolve("i.sock");
        try (ChildJvm mediator =
                new ChildJvm(
                        MediatorProcess.class,
                        List.of(),
                        listen.toString(),
                        iommu.toString(),
                        "1")) {
            mediator.answer();
            new NeighbourBench(mediator).run(kinds, listen, iommu);
        } finally {
            Files.deleteIfExists(listen);
            Files.deleteIfExists(iommu);
            Files.delete(directory);
        }
    }

    private static Path mediatorThread(long pid) throws IOException {
        try (Stream<Path> threads = Files.list(Path.of("/proc", Long.toString(pid), "task"))) {
            for (Path thread : threads.toList()) {
                if (Files.readString(thread.resolve("comm")).startsWith("mediator")) {
                    return thread;
                }
            }
        }
        throw new IllegalStateException("process " + pid + " has no mediator");
    }

    private static long waitedNanos(Path statistics) throws IOException {
        return Long.parseLong(Files.readString(statistics).split(" ")[1]);
    }

    private void run(List<String> kinds, Path listen, Path iommu) throws IOException {
        DomainOptions options =
                DomainOptions.DEFAULT
                        .withFormat(DartFormat.INSTANCE)
                        .withFlushWait(WaitPolicy.SPIN);
        try (MediatorClient client = MediatorClient.connect(listen, "bench", 5_000_000_000L);
                PhysicalMemory memory = client.memory(1 << 20);
                IommuDomain domain = client.claim("nic0", memory, options);
                IommuAttachment device = IommuAttachment.connect(iommu, "nic0", 5_000_000_000L);
                Dma dma = domain.dma(Strategy.BATCHED)) {
            domain.awaitAttached(5_000_000_000L);
            long physical = memory.allocate(BATCH * 4096).physicalAddress();
            for (int index = 0; index < BATCH; index++) {
                physicals[index] = physical + index * 4096L;
                lengths[index] = 4096;
            }
            rounds(dma, WARM_NANOS);
            compare(dma, neighbours(kinds, listen));
            if (device.isOwnerGone()) {
                throw new IllegalStateException("the device was dropped");
            }
        }
    }

    /** Starts them all; each is stopped when it is ready, and what it does is compiled. */
    private static Map<String, ChildJvm> neighbours(List<String> kinds, Path listen)
            throws IOException {
        Map<String, ChildJvm> neighbours = new LinkedHashMap<>();
        for (String kind : kinds) {
            ChildJvm child = new ChildJvm(HostileClient.class, List.of(), listen.toString(), kind);
            neighbours.put(kind, child);
            child.answer();
            pause(1_000_000_000L);
            signal("STOP", child);
        }
        return neighbours;
    }

    private void compare(Dma dma, Map<String, ChildJvm> neighbours) throws IOException {
        Map<String, List<Window>> windows = new LinkedHashMap<>();
        windows.put("none", new ArrayList<>());
        neighbours.keySet().forEach(kind -> windows.put(kind, new ArrayList<>()));
        try {
            for (int index = 0; index < WINDOWS; index++) {
                windows.get("none").add(window(dma));
                for (var neighbour : neighbours.entrySet()) {
                    signal("CONT", neighbour.getValue());
                    windows.get(neighbour.getKey()).add(window(dma));
                    signal("STOP", neighbour.getValue());
                }
            }
        } finally {
            neighbours.values().forEach(ChildJvm::close);
        }
        print(windows);
    }

    private static void print(Map<String, List<Window>> windows) {
        double none = lowerQuartile(windows.get("none"));
        double spin =
                windows.containsKey("spin")
                        ? median(windows.get("spin"), Window::perSecond)
                        : Double.NaN;
        System.out.println(
                "neighbour  rounds/s  of spin's  ns/page  throughput of none's  spread"
                        + "   waited  mediator waited");
        for (var kind : windows.entrySet()) {
            double perSecond = median(kind.getValue(), Window::perSecond);
            double mean = lowerQuartile(kind.getValue());
            double[] means = sorted(kind.getValue(), Window::meanNanos);
            System.out.printf(
                    "%-9s %9.0f    %5.1f %% %8.1f               %5.1f %% %5.1f %%"
                            + "  %5.1f %%          %5.1f %%%n",
                    kind.getKey(),
                    perSecond,
                    100 * perSecond / spin,
                    mean / BATCH,
                    100 * none / mean,
                    100 * (means[means.length * 3 / 4] - means[means.length / 4]) / mean,
                    100 * median(kind.getValue(), Window::waited),
                    100 * median(kind.getValue(), Window::mediatorWaited));
        }
    }

    private static double[] sorted(List<Window> windows, ToDoubleFunction<Window> figure) {
        return windows.stream().mapToDouble(figure).sorted().toArray();
    }

    private static double median(List<Window> windows, ToDoubleFunction<Window> figure) {
        return sorted(windows, figure)[windows.size() / 2];
    }

    private static double lowerQuartile(List<Window> windows) {
        return sorted(windows, Window::meanNanos)[windows.size() / 4];
    }

    private Window window(Dma dma) throws IOException {
        rounds(dma, SETTLE_NANOS);
        return rounds(dma, WINDOW_NANOS);
    }

    private Window rounds(Dma dma, long nanos) throws IOException {
        long rounds = 0;
        long undisturbed = 0;
        long sum = 0;
        long waited = waitedNanos(ownStatistics);
        long mediatorWaited = waitedNanos(mediatorStatistics);
        long begun = System.nanoTime();
        long now = begun;
        while (now - begun < nanos) {
            long started = now;
            dma.mapAll(physicals, lengths, iovas, BATCH, DmaDirection.FROM_DEVICE);
            dma.unmapAll(iovas, lengths, BATCH);
            now = System.nanoTime();
            rounds++;
            if (now - started < LOST_NANOS) {
                undisturbed++;
                sum += now - started;
            }
        }
        double took = now - begun;
        return new Window(
                rounds * 1e9 / took,
                (double) sum / undisturbed,
                (waitedNanos(ownStatistics) - waited) / took,
                (waitedNanos(mediatorStatistics) - mediatorWaited) / took);
    }

    private static void signal(String name, ChildJvm child) throws IOException {
        try {
            new ProcessBuilder("kill", "-" + name, Long.toString(child.pid())).start().waitFor();
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
    }

    private static void pause(long nanos) {
        for (long end = System.nanoTime() + nanos; System.nanoTime() - end < 0; ) {
            Thread.yield();
        }
    }
}
