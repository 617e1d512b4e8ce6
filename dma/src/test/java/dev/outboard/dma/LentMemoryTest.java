package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.iommu.Access;
import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Memory of another process, which a device of ours may reach for as long as it is lent. */
final class LentMemoryTest {
    private static final long LENGTH = 2 << 20;
    private static final DomainOptions OPTIONS = DomainOptions.DEFAULT.withTableEntries(16384);

    @TempDir Path directory;

    private static MemoryFile sealed() {
        MemoryFile file = MemoryFile.create("client", LENGTH);
        file.sealSize();
        return file;
    }

    /** As a client's descriptor arrives: another number for the same file. */
    private static MemoryFile passed(MemoryFile file) {
        return MemoryFile.adopt(file.descriptor().duplicate());
    }

    @ParameterizedTest
    @EnumSource(value = Strategy.class, mode = EnumSource.Mode.EXCLUDE, names = "OFF")
    void shouldReachWhatIsLentAndNothingOfItAfterwards(Strategy strategy) {
        try (Bench bench = new Bench(directory, OPTIONS);
                Dma dma = bench.domain.dma(strategy);
                Follower device = new Follower(bench);
                MemoryFile file = sealed();
                Mapping client = file.map(0, LENGTH, true)) {
            client.memory().set(ValueLayout.JAVA_LONG, 8192, 42);
            LentMemory lent = bench.memory.lend(passed(file));
            assertThat(lent.lengthBytes()).isEqualTo(LENGTH);
            long physical = lent.physicalAddress() + 8192;
            long iova = dma.map(physical, 4096, DmaDirection.TO_DEVICE);
            assertThat(iova).isNotEqualTo(Dma.NO_IOVA);
            assertThat(device.read(iova)).isEqualTo(42);

            // Mapped still, as when a client is killed: the loan ends all the same.
            lent.close();
            lent.close();
            assertThat(device.reaches(iova, Access.READ)).isEqualTo(strategy == Strategy.COPIED);
            assertThat(bench.memory.contains(physical, 1)).isFalse();
            dma.unmap(iova, 4096);
            assertThatThrownBy(() -> dma.map(physical, 4096, DmaDirection.TO_DEVICE))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThat(client.memory().get(ValueLayout.JAVA_LONG, 8192))
                    .as("the client keeps its memory")
                    .isEqualTo(42);
        }
    }

    @Test
    void shouldMapAllThatIsLentUnderGrantedBeforeAnybodyMaps() {
        try (Bench bench = new Bench(directory, OPTIONS.withServices(2));
                Dma dma = bench.domain.dma(Strategy.GRANTED);
                Dma other = bench.domain.dma(Strategy.GRANTED);
                Follower device = new Follower(bench);
                MemoryFile file = sealed();
                LentMemory lent = bench.memory.lend(passed(file))) {
            for (Dma service : new Dma[] {dma, other}) {
                long iova =
                        service.map(
                                lent.physicalAddress() + LENGTH - 4096,
                                4096,
                                DmaDirection.BIDIRECTIONAL);
                assertThat(device.reaches(iova, Access.WRITE)).isTrue();
                assertThat(device.reaches(iova - LENGTH + 4096, Access.WRITE))
                        .as("the first page of the loan, which nobody mapped")
                        .isTrue();
                service.unmap(iova, 4096);
            }
        }
    }

    @Test
    void shouldAllocateNothingOfItAndRefuseToPunchHolesInIt() {
        try (PhysicalMemory memory = PhysicalMemory.create(1 << 20);
                MemoryFile file = sealed();
                LentMemory lent = memory.lend(passed(file))) {
            assertThat(memory.freeBytes()).isEqualTo(1 << 20);
            assertThatThrownBy(() -> memory.allocate(LENGTH))
                    .isInstanceOf(OutOfDmaMemoryException.class);
            assertThatThrownBy(() -> memory.unplug(lent.physicalAddress(), 4096, Unplug.FORCE))
                    .hasMessageContaining("lent by another process");
            assertThatThrownBy(() -> memory.unplug(lent.physicalAddress(), LENGTH, Unplug.REFUSE))
                    .isInstanceOf(MemoryInUseException.class);
            memory.unplug(lent.physicalAddress(), LENGTH, Unplug.FORCE);
            assertThat(lent.isTaken()).isTrue();
            assertThatThrownBy(lent::memory).hasMessageContaining("unplugged by force");
        }
    }

    @Test
    void shouldLendTheSameFileAgainAtAnotherAddress() {
        try (PhysicalMemory memory = PhysicalMemory.create(1 << 20);
                MemoryFile file = sealed()) {
            LentMemory first = memory.lend(passed(file));
            long before = first.physicalAddress();
            first.close();
            try (LentMemory second = memory.lend(passed(file))) {
                assertThat(second.physicalAddress()).isNotEqualTo(before);
            }
            assertThat(memory.segments()).hasSize(1);
        }
    }

    @Test
    void shouldRefuseAFileThatCanShrinkUnderTheDevice() {
        try (PhysicalMemory memory = PhysicalMemory.create(1 << 20);
                MemoryFile file = MemoryFile.create("client", LENGTH)) {
            assertThatThrownBy(() -> memory.lend(passed(file)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("shrink")
                    .hasMessageContaining("seal");
            assertThat(memory.segments()).hasSize(1);
        }
    }

    @Test
    void shouldRefuseAFileOfHalfAPage() {
        try (PhysicalMemory memory = PhysicalMemory.create(1 << 20);
                MemoryFile file = MemoryFile.create("client", 5000)) {
            file.sealSize();
            assertThatThrownBy(() -> memory.lend(passed(file)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("whole pages");
        }
    }

    @Test
    void shouldRefuseBesideMemoryThatIsSomebodyElsesToGive() {
        try (PhysicalMemory memory =
                        PhysicalMemory.createAt(PhysicalMemory.FIRST_ADDRESS, 1 << 20);
                MemoryFile file = sealed()) {
            assertThatThrownBy(() -> memory.lend(passed(file)))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("somebody else");
        }
    }

    @Test
    void shouldRefuseWhatAStrategyThatMapsEverythingHasNoRoomFor() {
        try (Bench bench = new Bench(directory, OPTIONS.withTableEntries(8192));
                Dma dma = bench.domain.dma(Strategy.GRANTED);
                Follower device = new Follower(bench);
                MemoryFile file = MemoryFile.create("client", 64 << 20)) {
            file.sealSize();
            int before = bench.memory.segments().size();
            assertThatThrownBy(() -> bench.memory.lend(passed(file)))
                    .isInstanceOf(OutOfDmaMemoryException.class)
                    .hasMessageContaining("--table-entries");
            assertThat(bench.memory.segments()).hasSize(before);
            assertThat(device.reaches(0, Access.READ)).isFalse();
        }
    }
}
