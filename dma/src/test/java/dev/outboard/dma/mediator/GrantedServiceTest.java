package dev.outboard.dma.mediator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.ChildJvm;
import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.DmaWindow;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.IommuAttachment;
import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.Strategy;
import dev.outboard.iommu.Access;
import dev.outboard.iommu.DartFormat;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a client grants to another's driver, as that driver's mapping services have it. */
@Timeout(60)
final class GrantedServiceTest {
    private static final DomainOptions OPTIONS =
            DomainOptions.DEFAULT
                    .withFormat(DartFormat.INSTANCE)
                    .withTableEntries(8192)
                    .withServices(2);

    private static final DmaDirection TO = DmaDirection.TO_DEVICE;

    @TempDir Path directory;

    /** Grants that are there, as a driver hears of them. */
    private static final class Heard implements ReceivedGrant.Listener {
        final List<ReceivedGrant> present = new CopyOnWriteArrayList<>();

        @Override
        public void granted(ReceivedGrant grant) {
            present.add(grant);
        }

        @Override
        public void ended(ReceivedGrant grant) {
            present.remove(grant);
        }

        void await(int count) {
            Rig.await(count + " grants", () -> present.size() == count);
        }
    }

    @Test
    void shouldMapWhatIsGrantedWhenItComesAndNotWhenItIsMapped() {
        try (Rig rig = new Rig(directory);
                MediatorClient a = rig.client("a");
                MediatorClient b = rig.client("b");
                PhysicalMemory own = a.memory(1 << 20);
                PhysicalMemory lent = b.memory(1 << 20);
                IommuDomain domain = a.claim("nic0", own, OPTIONS);
                IommuAttachment device = rig.device("nic0");
                Dma dma = domain.dma(Strategy.GRANTED)) {
            assertThat(domain.awaitAttached(Rig.TIMEOUT_NANOS)).isTrue();
            Heard heard = new Heard();
            a.onGrant(heard);
            DmaMemory buffer = lent.allocate(4 * 4096);
            long physical = buffer.physicalAddress();
            buffer.memory().set(ValueLayout.JAVA_INT, 4096, 7);
            for (int round = 0; round < 3; round++) {
                MemoryGrant grant = b.grant("nic0", physical, 4 * 4096, Access.READ);
                heard.await(1);
                assertThat(rig.usage("a", "entries")).as("mapped when it came").isEqualTo(4);
                long flushes = dma.statistics().flushes();
                for (int call = 0; call < 100; call++) {
                    long iova = dma.map(physical + 4096, 8192, DmaDirection.TO_DEVICE);
                    dma.unmap(iova, 8192);
                }
                assertThat(rig.usage("a", "mappings")).as("no request more").isEqualTo(1);
                assertThat(dma.statistics().flushes()).isEqualTo(flushes);
                long iova = dma.map(physical + 4096, 8192, DmaDirection.TO_DEVICE);
                Rig.await("the segment", () -> rig.reachesNow(device, iova, 4, Access.READ));
                assertThat(rig.window.memory.get(ValueLayout.JAVA_INT, rig.window.offset))
                        .isEqualTo(7);
                assertThat(rig.reaches(device, iova, 4, Access.WRITE)).isFalse();
                assertThatThrownBy(() -> dma.map(physical, 8, DmaDirection.FROM_DEVICE))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("is not granted for the device to write");

                grant.close();
                assertThat(rig.reaches(device, iova, 4, Access.READ)).as("at once").isFalse();
                heard.await(0);
                assertThatThrownBy(() -> dma.map(physical, 8, DmaDirection.TO_DEVICE))
                        .isInstanceOf(IllegalArgumentException.class);
                // Its IOVA is still the driver's, to unmap as always; then it is used again.
                dma.unmap(iova, 8192);
                assertThat(rig.usage("a", "entries")).isZero();
                assertThat(dma.statistics().staleEntries()).isZero();
                assertThat(rig.report("a").refusals()).isEmpty();
            }
        }
    }

    @Test
    void shouldHaveWhatWasGrantedBeforeItCame() {
        try (Rig rig = new Rig(directory);
                MediatorClient a = rig.client("a");
                MediatorClient b = rig.client("b");
                PhysicalMemory own = a.memory(1 << 20);
                PhysicalMemory lent = b.memory(1 << 20);
                IommuDomain domain = a.claim("nic0", own, OPTIONS)) {
            long physical = lent.allocate(8192).physicalAddress();
            Heard heard = new Heard();
            a.onGrant(heard);
            b.grant("nic0", physical, 8192, Access.READ_WRITE);
            heard.await(1);
            try (Dma dma = domain.dma(Strategy.GRANTED)) {
                long iova = dma.map(physical, 8192, DmaDirection.BIDIRECTIONAL);
                assertThat(iova).isPositive();
                dma.unmap(iova, 8192);
            }
            assertThat(rig.usage("a", "entries")).isZero();
        }
    }

    @Test
    void shouldGiveTheIovaOfAnEndedGrantToNobodyWhileTheDriverMapsInIt() {
        try (Rig rig = new Rig(directory);
                MediatorClient a = rig.client("a");
                MediatorClient b = rig.client("b");
                PhysicalMemory own = a.memory(1 << 20);
                PhysicalMemory lent = b.memory(1 << 20);
                IommuDomain domain = a.claim("nic0", own, OPTIONS);
                Dma dma = domain.dma(Strategy.GRANTED)) {
            long physical = lent.allocate(8192).physicalAddress();
            Heard heard = new Heard();
            a.onGrant(heard);
            MemoryGrant grant = b.grant("nic0", physical, 4096, Access.READ);
            heard.await(1);
            long first = dma.map(physical, 8, DmaDirection.TO_DEVICE);
            grant.close();
            heard.await(0);
            MemoryGrant again = b.grant("nic0", physical, 4096, Access.READ);
            heard.await(1);
            long second = dma.map(physical, 8, DmaDirection.TO_DEVICE);
            assertThat(second >>> 12).isNotEqualTo(first >>> 12);
            dma.unmap(first, 8);
            assertThat(rig.usage("a", "entries")).isEqualTo(1);
            dma.unmap(second, 8);
            again.close();
            heard.await(0);
            dma.flush();
            assertThat(rig.usage("a", "entries")).isZero();
        }
    }

    /** A cache finds mappings by their frames: one of frames that were granted leads nowhere. */
    @ParameterizedTest
    @EnumSource(
            value = Strategy.class,
            names = {"CACHED", "NEVER_FREE"})
    void shouldFindNoMappingOfAGrantThatHasEnded(Strategy strategy) {
        try (Rig rig = new Rig(directory);
                MediatorClient a = rig.client("a");
                MediatorClient b = rig.client("b");
                PhysicalMemory own = a.memory(1 << 20);
                PhysicalMemory lent = b.memory(1 << 20);
                IommuDomain domain = a.claim("nic0", own, OPTIONS);
                IommuAttachment device = rig.device("nic0");
                Dma dma = domain.dma(strategy)) {
            assertThat(domain.awaitAttached(Rig.TIMEOUT_NANOS)).isTrue();
            Heard heard = new Heard();
            a.onGrant(heard);
            long ours = dma.map(own.segments().getFirst().physicalAddress(), 8, TO);
            long physical = lent.allocate(8192).physicalAddress();
            long idle = 0;
            long used = 0;
            for (int round = 0; round < 3; round++) {
                MemoryGrant grant = b.grant("nic0", physical, 8192, Access.READ);
                heard.await(1);
                long nowIdle = dma.map(physical, 8, TO);
                long nowUsed = dma.map(physical + 4096, 8, TO);
                Rig.await("the segment", () -> rig.reachesNow(device, nowIdle, 4, Access.READ));
                assertThat(rig.reaches(device, nowUsed, 4, Access.READ)).isTrue();
                if (round > 0) {
                    // It was mapped all the time, and led nowhere.
                    dma.unmap(used, 8);
                    assertThat(nowUsed >>> 12).isNotEqualTo(used >>> 12);
                }
                dma.unmap(nowIdle, 8);
                assertThat(dma.map(physical, 8, TO)).as("it is cached").isEqualTo(nowIdle);
                dma.unmap(nowIdle, 8);
                idle = nowIdle;
                used = nowUsed;
                grant.close();
                heard.await(0);
                assertThat(rig.reaches(device, idle, 4, Access.READ)).isFalse();
            }
            dma.unmap(used, 8);
            assertThat(rig.reaches(device, ours, 4, Access.READ)).isTrue();
            dma.flush();
            assertThat(rig.usage("a", "entries")).isEqualTo(1);
            assertThat(rig.report("a").refusals()).isEmpty();
        }
    }

    /** Driver, granter and mediator in processes of their own; the granter is killed. */
    @Test
    void shouldTakeBackWhatAKilledProcessGranted() throws InterruptedException {
        Path listen = directory.resolve("m.sock");
        Path iommu = directory.resolve("i.sock");
        List<String> flags = List.of("-Xmx128m");
        try (ChildJvm mediator =
                        new ChildJvm(
                                MediatorProcess.class, flags, listen.toString(), iommu.toString());
                ChildJvm granter = new ChildJvm(GranterProcess.class, flags, listen.toString())) {
            assertThat(mediator.answer()).isEqualTo("listening");
            assertThat(granter.answer()).isEqualTo("ready");
            try (MediatorClient client =
                            MediatorClient.connect(listen, "driver", Rig.TIMEOUT_NANOS);
                    PhysicalMemory own = client.memory(1 << 20);
                    IommuDomain domain = client.claim("nic0", own, OPTIONS);
                    IommuAttachment device =
                            IommuAttachment.connect(iommu, "nic0", Rig.TIMEOUT_NANOS);
                    Dma dma = domain.dma(Strategy.GRANTED)) {
                assertThat(domain.awaitAttached(Rig.TIMEOUT_NANOS)).isTrue();
                Heard heard = new Heard();
                client.onGrant(heard);
                long physical = Long.parseLong(granter.ask("grant"));
                heard.await(1);
                long iova = dma.map(physical, 4096, TO);
                Rig.await("the segment", () -> reads(device, iova) == GranterProcess.MARK);
                granter.ask("end");
                assertThat(reads(device, iova)).as("when its end is told").isZero();
                heard.await(0);
                dma.unmap(iova, 4096);

                long other = Long.parseLong(granter.ask("grant"));
                heard.await(1);
                long again = dma.map(other, 4096, TO);
                Rig.await("the segment", () -> reads(device, again) == GranterProcess.MARK);
                granter.kill();
                heard.await(0);
                Rig.await("the end", () -> reads(device, again) == 0);
                assertThatThrownBy(() -> dma.map(other, 4096, TO))
                        .isInstanceOf(IllegalArgumentException.class);
                dma.unmap(again, 4096);
                assertThat(dma.statistics().liveMappings()).isZero();
                client.checkPresent();
            }
        }
    }

    /** What the device finds there, or 0 if it is let find nothing. */
    private static int reads(IommuAttachment device, long iova) {
        device.receive();
        device.enter();
        DmaWindow window = new DmaWindow();
        int found =
                device.resolve(iova, 4, Access.READ, window)
                        ? window.memory.get(ValueLayout.JAVA_INT, window.offset)
                        : 0;
        device.exit();
        return found;
    }
}
