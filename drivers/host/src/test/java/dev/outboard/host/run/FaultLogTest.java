package dev.outboard.host.run;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.event.Event;
import dev.outboard.host.event.EventOutput;
import dev.outboard.iommu.Access;
import dev.outboard.iommu.Fault;
import dev.outboard.iommu.FaultReason;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.List;
import org.junit.jupiter.api.Test;

class FaultLogTest {
    private static final long SECOND = 1_000_000_000L;
    private static final Fault FAULT =
            new Fault("nic0", 0x1234_5000L, Access.WRITE, FaultReason.NOT_MAPPED);

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private long now = 5 * SECOND;

    private FaultLog log(boolean machines) {
        return new FaultLog(new EventOutput(new PrintStream(bytes), machines), () -> now);
    }

    private List<String> lines() {
        return bytes.toString().lines().toList();
    }

    @Test
    void shouldSayDeviceAddressAccessAndReason() {
        log(false).add(FAULT);

        assertThat(lines())
                .containsExactly(
                        "fault: device=nic0 iova=0x12345000 access=write reason=NOT_MAPPED");
    }

    @Test
    void shouldSayTheSameToMachines() {
        log(true).add(FAULT);

        assertThat(Event.parse(lines().getFirst()))
                .isEqualTo(
                        Event.of(
                                "fault",
                                "device",
                                "nic0",
                                "iova",
                                "0x12345000",
                                "access",
                                "write",
                                "reason",
                                "not-mapped"));
    }

    @Test
    void shouldTellOfTenASecondAndCountTheRest() {
        var log = log(false);
        for (int i = 0; i < 1000; i++) {
            log.add(FAULT);
        }
        assertThat(lines()).hasSize(10);
        assertThat(log.count()).isEqualTo(1000);

        now += SECOND;
        log.add(FAULT);
        assertThat(lines()).hasSize(12);
        assertThat(lines().get(10)).isEqualTo("fault: and 990 more");

        log.summarize();
        assertThat(lines()).as("nothing is left untold").hasSize(12);
        assertThat(log.count()).isEqualTo(1001);
    }

    @Test
    void shouldTellOfTheRestAtTheEnd() {
        var log = log(false);
        for (int i = 0; i < 13; i++) {
            log.add(FAULT);
        }
        log.summarize();

        assertThat(lines()).hasSize(11).last().isEqualTo("fault: and 3 more");
    }
}
