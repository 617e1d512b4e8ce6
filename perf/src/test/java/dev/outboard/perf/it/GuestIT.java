package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.event.Event;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Our drivers in a guest of QEMU's, behind its IOMMU, over VFIO and UIO. Minutes where the machine
 * has other things to do: the limits are against hanging, not for speed.
 */
@Timeout(900)
class GuestIT extends ProcessTest {
    private static final Duration PATIENCE = Duration.ofSeconds(840);

    /** What the issue wants shown; that none of them goes missing unseen. */
    private static final int LEAST_CHECKS = 40;

    @Test
    void shouldPassEveryCheckInTheGuest() {
        Peers.need("qemu-system-x86", "qemu-system-x86_64");
        Peers.need("busybox-static", "busybox");
        var guest = outboard("the guest", "guest", "--json", "--timeout", "780");
        var code = guest.awaitExit(PATIENCE);
        if (code != 0 && guest.errorOutput().contains("linux-image-amd64")) {
            Peers.missing(guest.errorOutput().strip());
        }
        var checks = guest.events().stream().filter(event -> event.name().equals("check")).toList();
        assertThat(checks)
                .as(guest.errorOutput())
                .allSatisfy(check -> assertThat(check.flag("passed")).as("%s", check).isTrue())
                .hasSizeGreaterThanOrEqualTo(LEAST_CHECKS);
        assertThat(checks)
                .extracting(check -> check.text("name"))
                .doesNotHaveDuplicates()
                .contains(
                        "a DMA to an unmapped IOVA is stopped and told",
                        "a killed driver leaves its device quiet",
                        "the file behind the NVMe disk has the SHA-256 that the guest read");
        var result =
                guest.events().stream()
                        .filter(event -> event.name().equals(Event.RESULT))
                        .findFirst()
                        .orElseThrow();
        assertThat(result.number("failed")).isZero();
        assertThat(code).isZero();
    }

    @Test
    void shouldRunALineInTheGuestAndEndAsItDoes() {
        Peers.need("qemu-system-x86", "qemu-system-x86_64");
        Peers.need("busybox-static", "busybox");
        var guest = outboard("the guest", "guest", "--run", "cat /proc/cmdline", "--run", "exit 7");
        var code = guest.awaitExit(PATIENCE);
        if (guest.errorOutput().contains("linux-image-amd64")) {
            Peers.missing(guest.errorOutput().strip());
        }
        assertThat(guest.output()).as(guest.errorOutput()).contains("intel_iommu=on");
        assertThat(code).isEqualTo(7);
    }
}
