using System.Collections.Immutable;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace FastRecurrence.PackageTool;

/// <summary>The ids under which a compiler documents the members of an assembly that its users can see: public ones, and protected ones of public types.</summary>
internal static class PublicMembers
{
    /// <summary>Ids such as <c>T:N.Type</c>, <c>M:N.Type.Method(System.Int32)</c>.</summary>
    public static HashSet<string> Of(Stream assembly)
    {
        using var pe = new PEReader(assembly, PEStreamOptions.LeaveOpen);
        MetadataReader reader = pe.GetMetadataReader();
        var ids = new HashSet<string>(StringComparer.Ordinal);
        var names = new DocumentationNames();
        foreach (TypeDefinitionHandle handle in reader.TypeDefinitions)
        {
            TypeDefinition type = reader.GetTypeDefinition(handle);
            if (!IsVisible(reader, type))
                continue;
            string name = names.GetTypeFromDefinition(reader, handle, 0);
            ids.Add("T:" + name);
            foreach (FieldDefinition field in type.GetFields().Select(reader.GetFieldDefinition).Where(f => Visible((MethodAttributes)(int)f.Attributes)))
                ids.Add($"F:{name}.{reader.GetString(field.Name)}");
            foreach (MethodDefinition method in type.GetMethods().Select(reader.GetMethodDefinition).Where(m => Visible(m.Attributes)))
                ids.Add(Method(reader, names, name, method));
            foreach (PropertyDefinition property in type.GetProperties().Select(reader.GetPropertyDefinition))
            {
                PropertyAccessors accessors = property.GetAccessors();
                if (Visible(reader, accessors.Getter) || Visible(reader, accessors.Setter))
                    ids.Add($"P:{name}.{Escaped(reader.GetString(property.Name))}{Parameters(property.DecodeSignature(names, null).ParameterTypes)}");
            }

            foreach (EventDefinition @event in type.GetEvents().Select(reader.GetEventDefinition).Where(e => Visible(reader, e.GetAccessors().Adder)))
                ids.Add($"E:{name}.{reader.GetString(@event.Name)}");
        }

        return ids;
    }

    private static string Method(MetadataReader reader, DocumentationNames names, string type, MethodDefinition method)
    {
        MethodSignature<string> signature = method.DecodeSignature(names, null);
        string name = reader.GetString(method.Name);
        string generic = signature.GenericParameterCount > 0 ? $"``{signature.GenericParameterCount}" : "";
        string returned = name is "op_Implicit" or "op_Explicit" ? "~" + signature.ReturnType : "";
        return $"M:{type}.{Escaped(name)}{generic}{Parameters(signature.ParameterTypes)}{returned}";
    }

    private static string Parameters(ImmutableArray<string> types) => types.IsEmpty ? "" : $"({string.Join(',', types)})";

    /// <summary>Constructors are <c>#ctor</c>, and dots in the names of explicit implementations are <c>#</c>.</summary>
    private static string Escaped(string name) => name.Replace('.', '#').Replace('<', '{').Replace('>', '}');

    private static bool IsVisible(MetadataReader reader, TypeDefinition type)
    {
        TypeAttributes visibility = type.Attributes & TypeAttributes.VisibilityMask;
        return visibility switch
        {
            TypeAttributes.Public => true,
            TypeAttributes.NestedPublic or TypeAttributes.NestedFamily or TypeAttributes.NestedFamORAssem => IsVisible(reader, reader.GetTypeDefinition(type.GetDeclaringType())),
            _ => false,
        };
    }

    private static bool Visible(MetadataReader reader, MethodDefinitionHandle accessor) => !accessor.IsNil && Visible(reader.GetMethodDefinition(accessor).Attributes);

    private static bool Visible(MethodAttributes attributes) =>
        (attributes & MethodAttributes.MemberAccessMask) is MethodAttributes.Public or MethodAttributes.Family or MethodAttributes.FamORAssem;
}
