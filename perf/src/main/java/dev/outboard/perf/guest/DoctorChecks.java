package dev.outboard.perf.guest;

import static dev.outboard.perf.guest.GuestDevices.EDU;
import static dev.outboard.perf.guest.GuestDevices.GROUPED_EDU;
import static dev.outboard.perf.guest.GuestDevices.GROUPED_NIC;
import static dev.outboard.perf.guest.Inside.outboard;
import static dev.outboard.perf.guest.Inside.require;
import static dev.outboard.perf.guest.Inside.shell;

import dev.outboard.host.event.Event;
import java.util.List;

/**
 * What can be missing is taken away; {@code doctor} names it; what it says mends it is typed as it
 * stands, and then it is mended.
 */
final class DoctorChecks {
    private static final String AS_USER = "su user -c '%s'";

    private DoctorChecks() {}

    /** Nothing is loaded and nothing bound yet. */
    static List<Check> beforeBinding() {
        return List.of(
                new Check(
                        "doctor: no module of VFIO",
                        () -> mends(doctor(), "VFIO", "vfio-pci is not loaded", "VFIO")),
                new Check(
                        "doctor: no type 1 IOMMU of VFIO",
                        () -> {
                            shell("rmmod vfio_iommu_type1 || true").done();
                            return mends(doctor(), "VFIO", "vfio_iommu_type1", "VFIO");
                        }),
                new Check(
                        "doctor: no module of UIO",
                        () -> mends(doctor(), "UIO", "uio_pci_generic is not loaded", "UIO")),
                new Check(
                        "doctor: a device that is not ours yet",
                        () -> {
                            var check = find(outboard("doctor", EDU, "--json"), EDU + " driver");
                            require(
                                    check.text("command").equals("outboard bind " + EDU),
                                    "doctor says " + check.fields());
                            return check.text("found");
                        }),
                new Check(
                        "doctor: IOMMU and remapping are on",
                        () -> {
                            var said = doctor();
                            ok(said, "hardware IOMMU");
                            return ok(said, "remapping");
                        }));
    }

    /** One of a group is bound to us, another to the kernel. */
    static List<Check> group() {
        return List.of(
                new Check(
                        "doctor: a group that is not viable, and who is in the way",
                        () -> {
                            var said = outboard("doctor", GROUPED_EDU, "--json");
                            var check = find(said, GROUPED_EDU + " group");
                            require(
                                    said.code() != 0
                                            && check.text("found")
                                                    .contains(
                                                            GROUPED_NIC
                                                                    + " is still bound to e1000"),
                                    "doctor says " + check.fields());
                            Inside.drive("edu", GROUPED_EDU, "edu-check").refused(GROUPED_NIC);
                            typed(check);
                            ok(
                                    outboard("doctor", GROUPED_EDU, "--json").done(),
                                    check.text("name"));
                            Inside.drive("edu", GROUPED_EDU, "edu-check").client();
                            return check.text("found");
                        }));
    }

    /** In a process of another user, with a limit of its own. */
    static List<Check> asUser() {
        return List.of(
                new Check(
                        "doctor: no right to the group, too little memory to lock",
                        () -> {
                            var said =
                                    shell(
                                            "ulimit -l 1024; "
                                                    + AS_USER.formatted(
                                                            "outboard doctor " + EDU + " --json"));
                            var node = find(said, EDU + " node");
                            var memory = find(said, EDU + " memory");
                            require(said.code() != 0, "doctor is content");
                            require(
                                    node.text("command").startsWith("chown user /dev/vfio/")
                                            && memory.text("command").equals("ulimit -l unlimited"),
                                    "doctor says " + node.fields() + " and " + memory.fields());
                            typed(node);
                            var run =
                                    "outboard run edu --device pci:%s --client edu-check --json"
                                            .formatted(EDU);
                            var driven =
                                    shell(memory.text("command") + "; " + AS_USER.formatted(run));
                            driven.client();
                            return node.text("found") + "; mended, and driven by that user";
                        }));
    }

    static Said doctor() {
        return outboard("doctor", "--json");
    }

    /** Finds the check, types its command, and asks again. */
    static String mends(Said said, String name, String found, String mended) throws Exception {
        var check = find(said, name);
        require(
                !check.text("state").equals("ok") && check.text("found").contains(found),
                "doctor says " + check.fields());
        typed(check);
        var after = find(doctor(), mended);
        require(
                !after.text("found").equals(check.text("found")),
                "'%s' mended nothing: %s".formatted(check.text("command"), after.fields()));
        return check.text("found") + ": " + check.text("command");
    }

    /** Types the command as it stands; ours in this process, as a shell would start it. */
    private static void typed(Event check) throws Exception {
        var command = check.text("command");
        if (command.startsWith("outboard ")) {
            outboard(command.substring("outboard ".length()).split(" ")).done();
        } else {
            shell(command).done();
        }
    }

    static Event find(Said said, String name) {
        return said.events("check").stream()
                .filter(check -> check.text("name").equals(name))
                .findFirst()
                .orElseThrow(
                        () ->
                                new CheckFailure(
                                        "doctor says nothing of %s: %s %s"
                                                .formatted(name, said.output(), said.error())));
    }

    static String ok(Said said, String name) {
        var check = find(said, name);
        require(check.text("state").equals("ok"), "doctor says " + check.fields());
        return check.text("found");
    }
}
