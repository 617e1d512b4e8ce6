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
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.LongSupplier;

/**
 * What a mediator in another process costs: both processes awake.
 *
 * <pre>
 *  this process                              child process
 *  Dma, batches of 32 or one page ── ring ──► Mediator      (a device attached and quiet)
 * </pre>
 *
 * <p>Run it from the folder of the module, after its tests were compiled: {@code java
 * --enable-native-access=ALL-UNNAMED -cp target/classes:target/test-classes:…
 * dev.outboard.dma.mediator.MediatorBench}. What neighbours cost is told by {@link NeighbourBench}.
 */
final class MediatorBench {
    private static final int BATCH = 32;
    private static final int GROUP = 20;
    private static final int GROUPS = 2_000_000;
    private static final long WARM_NANOS = 2_000_000_000L;
    private static final long RUN_NANOS = 2_000_000_000L;
    private static final int FILL_PERCENT = 99;

    private static final List<Strategy> STRATEGIES =
            List.of(Strategy.BATCHED, Strategy.DEFERRED, Strategy.STRICT);

    private final long[] physicals = new long[BATCH];
    private final int[] lengths = new int[BATCH];
    private final long[] iovas = new long[BATCH];

    private MediatorBench() {}

    /** No arguments. */
    public static void main(String[] arguments) throws IOException {
        ProcessControl.pinThread(0);
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
            new MediatorBench().run(listen, iommu);
        } finally {
            Files.deleteIfExists(listen);
            Files.deleteIfExists(iommu);
            Files.delete(directory);
        }
    }

    private void run(Path listen, Path iommu) {
        DomainOptions options =
                DomainOptions.DEFAULT
                        .withFormat(DartFormat.INSTANCE)
                        .withFlushWait(WaitPolicy.SPIN);
        try (MediatorClient client = MediatorClient.connect(listen, "bench", 5_000_000_000L);
                PhysicalMemory memory = client.memory(64 << 20);
                IommuDomain domain = client.claim("nic0", memory, options);
                IommuAttachment device = IommuAttachment.connect(iommu, "nic0", 5_000_000_000L)) {
            domain.awaitAttached(5_000_000_000L);
            long physical = memory.allocate(BATCH * 4096).physicalAddress();
            for (int index = 0; index < BATCH; index++) {
                physicals[index] = physical + index * 4096L;
                lengths[index] = 4096;
            }
            for (boolean full : new boolean[] {false, true}) {
                for (Strategy strategy : STRATEGIES) {
                    try (Dma dma = domain.dma(strategy)) {
                        if (full) {
                            fill(dma, physical, domain.options().tableEntries());
                        }
                        String what = strategy + (full ? " " + FILL_PERCENT + " % full" : " empty");
                        print(what + ", 32 pages at a time", BATCH, () -> batch(dma));
                        print(what + ", one at a time", 1, () -> one(dma, physical));
                    }
                }
            }
            if (device.isOwnerGone()) {
                throw new IllegalStateException("the device was dropped");
            }
        }
    }

    /** Maps so much of the IOVA, with the gaps at random. */
    private static void fill(Dma dma, long physical, int tableEntries) {
        Random random = new Random(1);
        long[] taken = new long[tableEntries - 2 * BATCH];
        int[] one = new int[taken.length];
        Arrays.fill(one, 4096);
        for (int index = 0; index < taken.length; index++) {
            taken[index] = dma.map(physical, 4096, DmaDirection.FROM_DEVICE);
        }
        int gaps = tableEntries * (100 - FILL_PERCENT) / 100;
        for (int gap = 0; gap < gaps; gap++) {
            int index = gap + random.nextInt(taken.length - gap);
            long iova = taken[index];
            taken[index] = taken[gap];
            taken[gap] = iova;
        }
        dma.unmapAll(taken, one, gaps);
    }

    private long batch(Dma dma) {
        dma.mapAll(physicals, lengths, iovas, BATCH, DmaDirection.FROM_DEVICE);
        dma.unmapAll(iovas, lengths, BATCH);
        return iovas[0];
    }

    private static long one(Dma dma, long physical) {
        long iova = dma.map(physical, 4096, DmaDirection.FROM_DEVICE);
        dma.unmap(iova, 4096);
        return iova;
    }

    /**
     * Times of many short groups. On a machine with other work the median is of the scheduler; the
     * tenth percentile is that of groups during which both processes had a processor.
     */
    private static void print(String what, int pages, LongSupplier work) {
        double[] nanos = new double[GROUPS];
        int count = 0;
        long warm = System.nanoTime() + WARM_NANOS;
        long end = warm + RUN_NANOS;
        for (long now = System.nanoTime(); now < end && count < GROUPS; ) {
            long started = System.nanoTime();
            for (int round = 0; round < GROUP; round++) {
                work.getAsLong();
            }
            now = System.nanoTime();
            if (now > warm) {
                nanos[count++] = (double) (now - started) / GROUP / pages;
            }
        }
        Arrays.sort(nanos, 0, count);
        System.out.printf(
                "%-44s ns a page: p10 %8.1f  median %8.1f  rounds/s %d%n",
                what,
                nanos[count / 10],
                nanos[count / 2],
                (long) count * GROUP * 1_000_000_000L / RUN_NANOS);
    }
}
